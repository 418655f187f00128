package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/flags"
	"upscaled/cmd/upscaled/progress"
	"upscaled/cmd/upscaled/report"
	"upscaled/engine/tune"
	"upscaled/models"
)

// streams are the three standard streams; tests replace them.
type streams struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

// console shows the progress of the running command.
type console struct {
	streams
	lookupEnv func(string) (string, bool)
	report    report.Reporter // nil if the command shows no progress
}

// usualWidth, in columns, is assumed if a terminal does not report its width.
const usualWidth = 80

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// screen returns a screen for progress bars on standard error, or nil if that is
// no terminal. A non-empty NO_COLOR turns colors off, see https://no-color.org.
func (c *console) screen() *progress.Screen {
	file, ok := c.stderr.(*os.File)
	kind, _ := c.lookupEnv("TERM")
	if !ok || !isTerminal(file) || kind == "dumb" {
		return nil
	}
	width := func() int {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			return columns
		}
		return usualWidth
	}
	plain, _ := c.lookupEnv("NO_COLOR")
	return progress.NewScreen(file, width, plain == "")
}

// showFetches shows downloads until stop is called.
func (c *console) showFetches() (stop func()) {
	c.report = report.NewPeople(c.stderr, c.screen(), false)
	return func() {
		c.report.Close()
		c.report = nil
	}
}

// note reports a message if the running command shows progress.
func (c *console) note(message string) {
	if c.report != nil {
		c.report.Noted(batch.Note{Message: message})
	}
}

// installed shows an installed entry with its license, unless JSON is written.
func (c *console) installed(e models.Entry, asJSON bool) {
	switch {
	case asJSON:
	case c.report != nil:
		c.note(report.Installed(e))
	default:
		fmt.Fprintln(c.stderr, report.Installed(e))
	}
}

// showTrial shows one measurement of a GPU on a terminal.
func (c *console) showTrial(t tune.Trial) {
	if isTerminal(c.stderr) {
		fmt.Fprintf(c.stderr, "  %s, tile %d, %d at once: %.1f MP/s %s\n", t.Variant, t.Side, t.Parallel, t.MegapixelsPerSecond, t.Problem)
	}
}

// newReporter returns the reporter that the flags ask for.
func (c *console) newReporter(f *flags.Upscale, jobs []batch.Job) report.Reporter {
	switch {
	case f.JSON && len(jobs) == 1 && jobs[0].Output == batch.Standard:
		return report.NewEvents(c.stderr)
	case f.JSON:
		return report.NewEvents(c.stdout)
	case f.Quiet:
		return report.NewPeople(c.stderr, nil, true)
	}
	return report.NewPeople(c.stderr, c.screen(), false)
}
