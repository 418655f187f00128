package main

import (
	"fmt"

	"upscaled/models"
)

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
