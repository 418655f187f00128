// Package licence finds the licences in modules' folders and tells which of
// them a program that is given away under the MIT licence may contain.
package licence

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// File is one text that has to go along with a module.
type File struct {
	Name string // from the module's folder, with slashes
	Text string
	ID   string // by SPDX, "" where the text is not known
}

//go:embed embedded/*.txt
var embedded embed.FS

// Carried returns licenses of third-party code in modules that have no file
// for them: the headers of ONNX Runtime's C API.
func Carried(module string) ([]File, error) {
	if module != "github.com/yalue/onnxruntime_go" {
		return nil, nil
	}
	const name = "onnxruntime"
	text, err := embedded.ReadFile("embedded/" + name + ".txt")
	if err != nil {
		return nil, fmt.Errorf("read licence: %w", err)
	}
	return []File{{Name: "carries " + name, Text: string(text), ID: Identify(string(text))}}, nil
}

var (
	fileName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-._].*)?$`)
	// Such files are code or data with a fitting name.
	codeName = regexp.MustCompile(`(?i)\.(go|py|js|ts|json|ya?ml|sh|tmpl|html)$`)
	// Such files go along with a licence and are none themselves.
	besideName = regexp.MustCompile(`(?i)^(notice|patents)([-._].*)?$`)
)

// Files reads the licences in a folder and, where deep says so, in those
// below: modules carry code of others with licences of their own. Tests' data
// do not get into a program.
func Files(folder string, deep bool) ([]File, error) {
	var found []File
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != folder && (!deep || slices.Contains([]string{"testdata", "node_modules", ".git"}, entry.Name())):
			return filepath.SkipDir
		case entry.IsDir() || !fileName.MatchString(entry.Name()) || codeName.MatchString(entry.Name()):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		found = append(found, File{Name: filepath.ToSlash(name), Text: string(text), ID: Identify(string(text))})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for licences: %w", err)
	}
	return found, nil
}

// phrases are sentences that only one licence has, the more special first: the
// Mozilla licence names the GNU ones, and these have none of those below them.
// Texts are compared in small letters with single spaces.
func phrases() []struct{ id, phrase string } {
	return []struct{ id, phrase string }{
		{"MPL-2.0", "mozilla public license version 2.0"},
		{"AGPL-3.0", "gnu affero general public license"},
		{"LGPL", "gnu lesser general public license"},
		{"LGPL", "gnu library general public license"},
		{"GPL", "gnu general public license"},
		{"SSPL-1.0", "server side public license"},
		{"BUSL-1.1", "business source license"},
		{"CC-BY-NC", "noncommercial"},
		{"CC-BY-NC", "non-commercial"},
		{"Apache-2.0", "apache license version 2.0"},
		{"Zlib", "this notice may not be removed or altered from any source distribution"},
		{"BSD-3-Clause", "neither the name of"},
		{"BSD-3-Clause", "may be used to endorse or promote products derived from this software"},
		{"BSD-2-Clause", "redistributions in binary form must reproduce the above copyright notice"},
		{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or without fee"},
		{"ISC", "permission to use, copy, modify, and distribute this software for any purpose with or without fee"},
		{"Unlicense", "this is free and unencumbered software released into the public domain"},
		{"CC0-1.0", "creative commons legal code cc0 1.0 universal"},
		{"MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"},
	}
}

// Identify gives the SPDX identifier of a licence's text (the family's name
// for those that are not allowed anyway), or "".
func Identify(text string) string {
	plain := strings.ReplaceAll(strings.Join(strings.Fields(strings.ToLower(text)), " "), "license, version", "license version")
	for _, p := range phrases() {
		if strings.Contains(plain, p.phrase) {
			return p.id
		}
	}
	return ""
}

// IDs are the licences of files, each once, in order.
func IDs(files []File) []string {
	var all []string
	for _, file := range files {
		if file.ID != "" && !slices.Contains(all, file.ID) {
			all = append(all, file.ID)
		}
	}
	slices.Sort(all)
	return all
}
