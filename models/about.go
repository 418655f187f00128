package models

import (
	"cmp"
	"regexp"
	"strings"
	"unicode"

	"upscaled/models/fault"
)

// maxAbout bounds each text of About in bytes, and its number of tags.
const maxAbout, maxTags = 200, 32

// About states whose work a model is and under which license it may be used.
type About struct {
	Licence string `json:"licence,omitempty"`
	Author  string `json:"author,omitempty"`
	// Source is a URL.
	Source string   `json:"source,omitempty"`
	Tags   []string `json:"tags,omitempty"`
}

// check rejects statements of the user that cannot be shown.
func (a About) check() error {
	for _, text := range append([]string{a.Licence, a.Author, a.Source}, a.Tags...) {
		if text != Printable(text) {
			return fault.New(fault.Invalid, "%.80q is not one line of at most %d bytes.", text, maxAbout)
		}
	}
	if len(a.Tags) > maxTags {
		return fault.New(fault.Invalid, "A model has at most %d tags.", maxTags)
	}
	if a.Source != "" && !isURL(a.Source) {
		return fault.New(fault.Invalid, "A model's source is a URL such as https://example.org/model, not %.80q.", a.Source)
	}
	return nil
}

func isURL(text string) bool {
	return strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://")
}

// or fills in empty fields from the metadata of a file: keys of ModelSpec
// ("modelspec.license"), of ONNX ("model_license") and bare ones.
func (a About) or(metadata map[string]string) About {
	found := map[string]string{}
	for key, value := range metadata {
		key = strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(key), "modelspec."), "model_")
		if value = Printable(value); value != "" {
			found[key] = cmp.Or(found[key], value)
		}
	}
	a.Licence = cmp.Or(a.Licence, found["license"], found["licence"])
	a.Author = cmp.Or(a.Author, found["author"], found["authors"], found["creator"])
	for _, key := range []string{"source", "url", "homepage", "repository"} {
		if a.Source == "" && isURL(found[key]) {
			a.Source = found[key]
		}
	}
	if a.Tags == nil {
		a.Tags = strings.FieldsFunc(found["tags"], func(r rune) bool { return r == ',' || r == ';' || unicode.IsSpace(r) })
		a.Tags = a.Tags[:min(len(a.Tags), maxTags)]
	}
	return a
}

// Printable returns a text from a file as one line that can be printed: control
// characters could command a terminal.
func Printable(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	text = strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return -1
	}, text)
	return strings.ToValidUTF8(text[:min(len(text), maxAbout)], "")
}

// origin returns author and source as one text.
func (a About) origin() string {
	return strings.Trim(a.Author+", "+a.Source, ", ")
}

// aboutOrigin splits an origin of the catalogue into author and source.
func aboutOrigin(licence, origin string) About {
	author, address, found := strings.Cut(origin, ", http")
	a := About{Licence: licence, Author: author}
	if found {
		a.Source = "http" + address
	}
	return a
}

var restricted = regexp.MustCompile(`(?i)\bNC\b|non-?\s?commercial|nvidia source code|S-Lab`)

// NonCommercial reports whether the license is known to forbid commercial use.
func (a About) NonCommercial() bool { return restricted.MatchString(a.Licence) }
