package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/report"
	"upscaled/models"
)

func addJSONFlag(cmd *cobra.Command, value *bool) {
	cmd.Flags().BoolVar(value, "json", false, "write JSON to standard output")
}

// showFetches shows downloads until stop is called.
func (a *app) showFetches() (stop func()) {
	a.report = report.NewPeople(a.stderr, a.screen(), false)
	return func() {
		a.report.Close()
		a.report = nil
	}
}

// note reports a message if the running command shows progress.
func (a *app) note(message string) {
	if a.report != nil {
		a.report.Noted(batch.Note{Message: message})
	}
}

// fetched shows the progress of a download and, first, its origin and license.
// The store does not call it concurrently.
func (a *app) fetched(p models.Progress) {
	if a.report == nil {
		return
	}
	if !a.announced[p.Name] {
		if a.announced == nil {
			a.announced = make(map[string]bool)
		}
		a.announced[p.Name] = true
		a.announce(p.Name)
	}
	name := p.Name
	if p.Label != "" {
		name += " (" + p.Label + ")"
	}
	a.report.Fetched(name, p.Done, p.Total)
}

func (a *app) announce(name string) {
	text := "downloading " + name
	if entry, err := a.store.Entry(name); err == nil {
		text += fmt.Sprintf(" (%s; %s)", entry.Licence, entry.Origin)
		if entry.Notice != "" {
			text += "\n  " + entry.Notice
		}
	}
	a.note(text)
}

// installed shows an installed entry with its license, unless JSON is written.
func (a *app) installed(e models.Entry, asJSON bool) {
	switch {
	case asJSON:
	case a.report != nil:
		a.note(report.Installed(e))
	default:
		fmt.Fprintln(a.stderr, report.Installed(e))
	}
}
