package main

import (
	"os"

	"golang.org/x/term"

	"upscaled/cmd/upscaled/progress"
)

// usualWidth, in columns, is assumed if a terminal does not report its width.
const usualWidth = 80

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// screen returns a screen for progress bars on standard error, or nil if that is
// no terminal. A non-empty NO_COLOR turns colors off, see https://no-color.org.
func (a *app) screen() *progress.Screen {
	file, ok := a.stderr.(*os.File)
	kind, _ := a.lookupEnv("TERM")
	if !ok || !isTerminal(file) || kind == "dumb" {
		return nil
	}
	width := func() int {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
			return columns
		}
		return usualWidth
	}
	plain, _ := a.lookupEnv("NO_COLOR")
	return progress.NewScreen(file, width, plain == "")
}
