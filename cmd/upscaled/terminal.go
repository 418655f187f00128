package main

import (
	"os"

	"golang.org/x/term"

	"upscaled/cmd/upscaled/progress"
)

// usualWidth is assumed where a terminal does not tell its columns.
const usualWidth = 80

// isTerminal tells whether a stream is a person's screen or keyboard.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// screen gives a place for bars on standard error, nil where there is none.
// https://no-color.org asks for NO_COLOR to be set and not empty.
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
