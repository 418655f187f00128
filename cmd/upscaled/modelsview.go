package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/progress"
	"upscaled/cmd/upscaled/report"
	"upscaled/models"
)

func addJSONFlag(cmd *cobra.Command, value *bool) {
	cmd.Flags().BoolVar(value, "json", false, "write JSON to standard output")
}

func (a *app) writeJSON(value any) error {
	encoder := json.NewEncoder(a.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func (a *app) modelTable(entries []models.Entry) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSCALE\tSIZE\tINSTALLED\tLICENSE\tFOR")
	for _, e := range entries {
		scale, installed := "", "no"
		if e.Scale > 0 {
			scale = fmt.Sprintf("%dx", e.Scale)
		}
		switch {
		case e.Imported:
			installed = "imported"
		case e.Installed:
			installed = "yes"
		}
		purpose := e.Description
		for _, kind := range e.DefaultFor {
			purpose += " (default on " + kind + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, scale, progress.Size(e.Size), installed, e.Licence, purpose)
	}
	return w.Flush()
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
	if asJSON {
		return
	}
	lines := []string{fmt.Sprintf("%s is installed: %s (%s)", e.Name, e.Description, progress.Size(e.Size))}
	if e.Licence != "" {
		lines = append(lines, fmt.Sprintf("  license %s; %s", e.Licence, e.Origin))
	}
	if e.Notice != "" {
		lines = append(lines, "  "+e.Notice)
	}
	text := strings.Join(lines, "\n")
	if a.report != nil {
		a.report.Noted(batch.Note{Message: text})
		return
	}
	fmt.Fprintln(a.stderr, text)
}
