package report

import (
	"encoding/json"
	"io"
	"sync"
	"time"

	"upscaled/cmd/upscaled/batch"
	"upscaled/engine"
)

// eventInterval is the least time between progress events of an image or download.
const eventInterval = 200 * time.Millisecond

// Event is one line of --json. Fields that do not apply are absent. The guide
// documents them in images.md.
type Event struct {
	// Event is "begin", "note", "fetch", "start", "progress", "done",
	// "planned" (--dry-run), "skipped", "failed", "canceled" or "end".
	Event string `json:"event"`
	// Input and Output are paths as named by the user, "-" for the standard
	// streams.
	Input  string `json:"input,omitempty"`
	Output string `json:"output,omitempty"`
	// Message is a sentence (note, failed); Kind classifies it (failed).
	Message string `json:"message,omitempty"`
	Kind    string `json:"kind,omitempty"`
	// Name, Done and Total: a download in bytes (fetch, total absent if unknown)
	// or the work on an image in pixels of the model's input (progress).
	Name  string `json:"name,omitempty"`
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"`
	// Files is the number of images (begin).
	Files int `json:"files,omitempty"`
	// Width, Height and Format describe the output. Notes lists metadata that
	// could not be kept (done).
	Width  int      `json:"width,omitempty"`
	Height int      `json:"height,omitempty"`
	Format string   `json:"format,omitempty"`
	Model  string   `json:"model,omitempty"`
	Notes  []string `json:"notes,omitempty"`
	// Faces is the number of enhanced faces, FaceRestorer the model that enhanced
	// them; FacesRefined is set if that is no face restorer.
	Faces        int    `json:"faces,omitempty"`
	FaceRestorer string `json:"face_restorer,omitempty"`
	FacesRefined bool   `json:"faces_refined,omitempty"`
	// Seconds is wall time; SessionSeconds is the part of it with a tile in the
	// model (done, end).
	Seconds        float64 `json:"seconds,omitempty"`
	SessionSeconds float64 `json:"session_seconds,omitempty"`
	// Counts summarizes the run (end).
	Counts *Counts `json:"counts,omitempty"`
}

// Counts is the number of images by status, and the exit code of the process.
type Counts struct {
	Done     int `json:"done"`
	Planned  int `json:"planned,omitempty"` // --dry-run
	Skipped  int `json:"skipped"`
	Failed   int `json:"failed"`
	Canceled int `json:"canceled"`
	ExitCode int `json:"exit_code"`
}

// Events is a Reporter for programs: it writes one JSON object a line.
type Events struct {
	mu       sync.Mutex
	encoder  *json.Encoder
	now      func() time.Time
	lastSent map[string]time.Time
	inputs   map[int]string
}

// NewEvents reports to w.
func NewEvents(w io.Writer) *Events {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return &Events{encoder: encoder, now: time.Now, lastSent: make(map[string]time.Time), inputs: make(map[int]string)}
}

func (e *Events) write(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	_ = e.encoder.Encode(event)
}

// due reports whether it is time for another progress event of a key; the last
// one is always due.
func (e *Events) due(key string, last bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := e.now()
	if before, ok := e.lastSent[key]; ok && !last && now.Sub(before) < eventInterval {
		return false
	}
	e.lastSent[key] = now
	return true
}

// Begin implements Reporter.
func (e *Events) Begin(jobs []batch.Job) {
	for index, job := range jobs {
		e.inputs[index] = job.Input.Path
	}
	e.write(Event{Event: "begin", Files: len(jobs)})
}

// Noted implements Reporter.
func (e *Events) Noted(note batch.Note) {
	e.write(Event{Event: "note", Input: note.Path, Message: note.Message})
}

// Refused implements Reporter.
func (e *Events) Refused(failure batch.Failure) {
	e.write(failed(failure.Path, "", failure.Err))
}

// Started implements Reporter.
func (e *Events) Started(_ int, job batch.Job) {
	e.write(Event{Event: "start", Input: job.Input.Path, Output: job.Output})
}

// Progressed implements Reporter.
func (e *Events) Progressed(index int, at engine.Progress) {
	if e.due("image "+e.inputs[index], at.Done >= at.Total) {
		e.write(Event{Event: "progress", Input: e.inputs[index], Done: at.Done, Total: at.Total})
	}
}

// Finished implements Reporter.
func (e *Events) Finished(_ int, outcome batch.Outcome) {
	in, out := outcome.Job.Input.Path, outcome.Job.Output
	switch outcome.Status {
	case batch.Failed:
		e.write(failed(in, out, outcome.Err))
	case batch.Done, batch.Planned:
		result := outcome.Result
		done := Event{
			Event: string(outcome.Status), Input: in, Output: out,
			Width: result.Output.Width, Height: result.Output.Height, Format: string(result.Output.Format),
			Model: result.Model, Notes: result.Notes,
			Seconds: outcome.Elapsed.Seconds(), SessionSeconds: result.Stats.Session.Seconds(),
		}
		if f := result.Faces; f != nil && f.Enhanced > 0 {
			done.Faces, done.FaceRestorer, done.FacesRefined = f.Enhanced, f.Restorer, f.Refined
		}
		e.write(done)
	default:
		e.write(Event{Event: string(outcome.Status), Input: in, Output: out})
	}
}

// Fetched implements Reporter.
func (e *Events) Fetched(name string, done, total int64) {
	if e.due("fetch "+name, total > 0 && done >= total) {
		e.write(Event{Event: "fetch", Name: name, Done: done, Total: total})
	}
}

// Ended implements Reporter.
func (e *Events) Ended(s Summary) {
	e.write(Event{Event: "end", Seconds: s.Elapsed.Seconds(), Counts: &Counts{
		Done: s.Done, Planned: s.Planned, Skipped: s.Skipped, Failed: s.Failed, Canceled: s.Canceled, ExitCode: s.ExitCode,
	}})
}

// Close implements Reporter.
func (e *Events) Close() {}
