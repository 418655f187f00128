package report

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/progress"
	"upscaled/engine"
)

// People is a Reporter for people: it writes one line for each result, and
// progress bars on a screen.
type People struct {
	w      io.Writer
	screen *progress.Screen
	quiet  bool

	jobs    int
	bars    map[int]*progress.Bar
	overall overall

	mu       sync.Mutex // guards the rest
	fetching string
	fetch    *progress.Bar
}

// NewPeople returns a reporter to w. screen is nil if w is no terminal; quiet shows
// failures only.
func NewPeople(w io.Writer, screen *progress.Screen, quiet bool) *People {
	return &People{w: w, screen: screen, quiet: quiet, bars: make(map[int]*progress.Bar)}
}

func (p *People) print(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if p.screen != nil {
		p.screen.Print(line)
		return
	}
	_, _ = fmt.Fprintln(p.w, line)
}

// Begin implements Reporter.
func (p *People) Begin(jobs []batch.Job) {
	p.jobs = len(jobs)
	if p.screen != nil && len(jobs) > 1 {
		p.overall = newOverall(jobs, p.screen.Add(overallLabel(0, len(jobs)), progress.Share))
	}
}

// Noted implements Reporter.
func (p *People) Noted(note batch.Note) {
	switch {
	case p.quiet:
	case note.Path == "":
		p.print("%s", note.Message)
	default:
		p.print("%s: %s", progress.Printable(note.Path), note.Message)
	}
}

// Refused implements Reporter.
func (p *People) Refused(failure batch.Failure) {
	if failure.Path == "" {
		p.print("upscaled: %s", Sentence(failure.Err))
		return
	}
	p.print("upscaled: %s: %s", progress.Printable(failure.Path), Sentence(failure.Err))
}

// Started implements Reporter.
func (p *People) Started(index int, job batch.Job) {
	if p.screen != nil {
		p.endFetch()
		p.bars[index] = p.screen.Add(job.Input.Path, progress.Share)
	}
}

// endFetch removes the bar of a download that did not report its end.
func (p *People) endFetch() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fetch != nil {
		p.fetch.Remove()
		p.fetch = nil
	}
}

// Progressed implements Reporter.
func (p *People) Progressed(index int, at engine.Progress) {
	if bar := p.bars[index]; bar != nil {
		bar.Set(at.Done, at.Total)
		p.overall.progressed(index, at)
	}
}

// Finished implements Reporter.
func (p *People) Finished(index int, outcome batch.Outcome) {
	if bar := p.bars[index]; bar != nil {
		bar.Remove()
		delete(p.bars, index)
	}
	p.overall.finished(index)
	name := progress.Printable(outcome.Job.Input.Path)
	switch outcome.Status {
	case batch.Done:
		p.made(name, outcome)
	case batch.Planned:
		if size := outcome.Result.Output; !p.quiet && size.Width > 0 {
			p.print("%s -> %s  %dx%d, not made", name, progress.Printable(outcome.Job.Output), size.Width, size.Height)
		} else if !p.quiet {
			p.print("%s -> %s, not made", name, progress.Printable(outcome.Job.Output))
		}
	case batch.Skipped:
		p.Noted(batch.Note{Path: outcome.Job.Input.Path, Message: fmt.Sprintf("Skipped because %s exists.", outcome.Job.Output)})
	case batch.Canceled:
		p.noted(outcome)
	case batch.Failed:
		p.Refused(batch.Failure{Path: outcome.Job.Input.Path, Err: outcome.Err})
	}
}

func (p *People) made(name string, outcome batch.Outcome) {
	if p.quiet {
		return
	}
	out := progress.Printable(outcome.Job.Output)
	if out == batch.Standard {
		out = "standard output"
	}
	size := outcome.Result.Output
	p.print("%s -> %s  %dx%d  %s", name, out, size.Width, size.Height, progress.Duration(outcome.Elapsed))
	p.noted(outcome)
}

// noted prints the notes on a result.
func (p *People) noted(outcome batch.Outcome) {
	if p.quiet {
		return
	}
	for _, note := range outcome.Result.Notes {
		p.Noted(batch.Note{Path: outcome.Job.Input.Path, Message: note})
	}
}

// Fetched implements Reporter. One bar is enough, since downloads run one after
// another; the next source reuses the bar of one that fails.
func (p *People) Fetched(name string, done, total int64) {
	if p.screen == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fetch != nil && (p.fetching != name || (total > 0 && done >= total)) {
		p.fetch.Remove()
		p.fetch = nil
	}
	if total > 0 && done >= total {
		return
	}
	if p.fetch == nil {
		p.fetching, p.fetch = name, p.screen.Add(name, progress.Bytes)
	}
	p.fetch.Set(done, total)
}

// Ended implements Reporter. A single image needs no summary.
func (p *People) Ended(s Summary) {
	total := s.Done + s.Planned + s.Skipped + s.Failed + s.Canceled
	if s.Canceled > 0 {
		p.print("upscaled: interrupted")
	}
	if total <= 1 || (p.quiet && s.Failed == 0) {
		return
	}
	parts := []string{fmt.Sprintf("%d made", s.Done)}
	if s.Planned > 0 {
		parts = []string{fmt.Sprintf("%d would be made", s.Planned)}
	}
	for _, part := range []struct {
		count int
		name  string
	}{{s.Skipped, "skipped"}, {s.Failed, "failed"}, {s.Canceled, "not made"}} {
		if part.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.count, part.name))
		}
	}
	p.print("%s in %s", strings.Join(parts, ", "), progress.Duration(s.Elapsed))
	for _, failure := range s.Failures {
		p.print("  failed: %s: %s", progress.Printable(failure.Path), Sentence(failure.Err))
	}
}

// Close implements Reporter.
func (p *People) Close() {
	if p.screen != nil {
		p.screen.Close()
	}
}
