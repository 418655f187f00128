package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"upscaled/cmd/upscaled/progress"
	"upscaled/models"
	"upscaled/models/fault"
	"upscaled/models/index"
	"upscaled/models/network"
)

// WriteJSON writes a value as indented JSON.
func WriteJSON(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

// WriteModels writes a table of models and libraries.
func WriteModels(w io.Writer, entries []models.Entry) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSCALE\tSIZE\tINSTALLED\tTILES\tLICENSE\tFOR")
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
		if e.Title != "" {
			purpose = e.Title + ": " + purpose
		}
		if e.Imported {
			purpose = strings.Join(slices.DeleteFunc(append([]string{purpose, e.Origin}, e.Tags...), func(s string) bool { return s == "" }), ", ")
		}
		for _, kind := range e.DefaultFor {
			purpose += " (default on " + kind + ")"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Name, scale, progress.Size(e.Size), installed, tiles(e), license(e), purpose)
	}
	return table.Flush()
}

// WriteAdded writes added entries as JSON: an object if there was a single file.
func WriteAdded(w io.Writer, entries []models.Entry, failed int) error {
	if len(entries) == 1 && failed == 0 {
		return WriteJSON(w, entries[0])
	}
	return WriteJSON(w, entries)
}

// WriteListed writes a table of an index's models, or JSON.
func WriteListed(w io.Writer, listed []index.Model, asJSON bool) error {
	if asJSON {
		return WriteJSON(w, listed)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tSCALE\tARCHITECTURE\tSIZE\tLICENSE\tAUTHOR\tTAGS")
	for _, m := range listed {
		file, _ := m.Best()
		about := models.ListedAbout(m)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", models.Printable(m.ID), m.ScaleText(), models.Printable(m.Architecture),
			progress.Size(file.Size), license(models.Entry{About: about, NonCommercial: about.NonCommercial()}), about.Author, strings.Join(about.Tags, ", "))
	}
	return table.Flush()
}

// tiles returns how an installed model computes large images.
func tiles(e models.Entry) string {
	switch e.Tiles {
	case network.ExactTiles:
		return fmt.Sprintf("exact, %d px", e.Radius)
	case network.WholeImage:
		return "whole image only"
	}
	return string(e.Tiles)
}

// license returns an entry's license, marked if it forbids commercial use.
func license(e models.Entry) string {
	if e.NonCommercial {
		return e.Licence + " (non-commercial)"
	}
	return e.Licence
}

// Installed describes an installed entry with its license.
func Installed(e models.Entry) string {
	lines := []string{fmt.Sprintf("%s is installed: %s (%s)", e.Name, e.Description, progress.Size(e.Size))}
	if text := strings.Trim(license(e)+"; "+e.Origin, "; "); text != "" {
		lines = append(lines, "  license "+text)
	}
	if e.Tiles != "" {
		lines = append(lines, "  tiles: "+tiles(e))
	}
	if e.Notice != "" {
		lines = append(lines, "  "+e.Notice)
	}
	return strings.Join(lines, "\n")
}

// checked is the JSON form of a verified entry.
type checked struct {
	Name    string     `json:"name"`
	OK      bool       `json:"ok"`
	Message string     `json:"message,omitempty"`
	Kind    fault.Kind `json:"kind,omitempty"`
}

// WriteVerified writes the results of verifying entries as lines or as JSON, and
// returns how many are damaged.
func WriteVerified(w io.Writer, results []models.VerifyResult, asJSON bool) (damaged int, err error) {
	all := make([]checked, 0, len(results))
	for _, result := range results {
		all = append(all, checked{result.Name, result.Err == nil, fault.Sentence(result.Err), fault.KindOf(result.Err)})
		if result.Err != nil {
			damaged++
		}
	}
	if asJSON {
		return damaged, WriteJSON(w, all)
	}
	for _, c := range all {
		text := c.Message
		if c.OK {
			text = "undamaged"
		}
		if _, err := fmt.Fprintf(w, "%s: %s\n", c.Name, text); err != nil {
			return damaged, err
		}
	}
	return damaged, nil
}
