package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// licenceFile is one text that has to go along with a module.
type licenceFile struct {
	name string // from the module's folder, with slashes
	text string
	id   string // by SPDX, "" where the text is not known
}

//go:embed embedded/*.txt
var embedded embed.FS

// carried is software of others within modules that have no file for its
// licence: libwebp as WebAssembly, and the headers of ONNX Runtime's C API.
func carried(module string) (name string) {
	switch module {
	case "github.com/gen2brain/webp":
		return "libwebp.txt"
	case "github.com/yalue/onnxruntime_go":
		return "onnxruntime.txt"
	}
	return ""
}

// withCarried adds the licence of what a module carries.
func withCarried(c component) (component, error) {
	name := carried(c.path)
	if name == "" {
		return c, nil
	}
	text, err := embedded.ReadFile("embedded/" + name)
	if err != nil {
		return c, fmt.Errorf("read licence: %w", err)
	}
	c.licences = append(c.licences, licenceFile{name: "carries " + strings.TrimSuffix(name, ".txt"), text: string(text), id: identify(string(text))})
	return c, nil
}

var (
	licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-._].*)?$`)
	// Such files are code or data with a fitting name.
	codeName = regexp.MustCompile(`(?i)\.(go|py|js|ts|json|ya?ml|sh|tmpl|html)$`)
)

// licenceFiles reads the licences in a folder and, where deep says so, in those
// below: modules carry code of others with licences of their own. Tests' data
// do not get into a program.
func licenceFiles(folder string, deep bool) ([]licenceFile, error) {
	var found []licenceFile
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != folder && (!deep || slices.Contains([]string{"testdata", "node_modules", ".git"}, entry.Name())):
			return filepath.SkipDir
		case entry.IsDir() || !licenceName.MatchString(entry.Name()) || codeName.MatchString(entry.Name()):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		found = append(found, licenceFile{name: filepath.ToSlash(name), text: string(text), id: identify(string(text))})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for licences: %w", err)
	}
	return found, nil
}

// phrases are sentences that only one licence has, the more special first.
// Texts are compared in small letters with single spaces.
func phrases() []struct{ id, phrase string } {
	return []struct{ id, phrase string }{
		{"MPL-2.0", "mozilla public license version 2.0"},
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

// identify gives the SPDX identifier of a licence's text, or "".
func identify(text string) string {
	plain := strings.ReplaceAll(strings.Join(strings.Fields(strings.ToLower(text)), " "), "license, version", "license version")
	for _, p := range phrases() {
		if strings.Contains(plain, p.phrase) {
			return p.id
		}
	}
	return ""
}

// ids are the licences of a component, each once, in order.
func (c component) ids() []string {
	var all []string
	for _, file := range c.licences {
		if file.id != "" && !slices.Contains(all, file.id) {
			all = append(all, file.id)
		}
	}
	slices.Sort(all)
	return all
}

// noticeText is every licence of every component, equal texts of one module
// once.
func noticeText(name string, components []component) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s contains the following software, under the licences below.\n", name)
	for _, c := range components {
		title := c.path + " " + c.version
		if c.path == "std" {
			title = "Go's standard library and runtime " + c.version
		}
		fmt.Fprintf(&b, "\n%s\n%s\n", strings.Repeat("=", 80), title)
		var seen []string
		for _, file := range c.licences {
			if !slices.Contains(seen, file.text) {
				seen = append(seen, file.text)
				fmt.Fprintf(&b, "%s\n%s:\n\n%s\n", strings.Repeat("-", 80), file.name, strings.TrimSpace(file.text))
			}
		}
	}
	return b.String()
}

// jsonField is a text field of a JSON object, "" where it has none.
func jsonField(object, name string) string {
	var fields map[string]any
	if json.Unmarshal([]byte(object), &fields) != nil {
		return ""
	}
	value, _ := fields[name].(string)
	return value
}
