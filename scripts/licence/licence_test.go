package licence

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestIdentify(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Apache License\n   Version 2.0, January 2004":                                                          "Apache-2.0",
		"Licensed under the Apache License, Version 2.0 (the \"License\")":                                      "Apache-2.0",
		"Redistributions in binary form must reproduce the above copyright\nnotice. Neither the name of":        "BSD-3-Clause",
		"Redistributions in binary form must reproduce the above copyright\nnotice, this list":                  "BSD-2-Clause",
		"Permission is hereby granted, free of charge, to any person\nobtaining a copy":                         "MIT",
		"Permission to use, copy, modify, and/or distribute this software for any purpose with\nor without fee": "ISC",
		"Mozilla Public License Version 2.0":                                                                    "MPL-2.0",
		"You may do nothing with this.":                                                                         "",
		"Additional IP Rights Grant (Patents)\n\n\"This implementation\" means the copyrightable works":         "",
	} {
		if got := Identify(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestLicenceFiles(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, name := range []string{"LICENSE", "licence.md", "NOTICE.txt", "COPYING", "LICENSE-MIT", "license.go", "licenses", "deep/LICENSE", "testdata/LICENSE"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("Mozilla Public License Version 2.0"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for deep, want := range map[bool][]string{
		false: {"COPYING", "LICENSE", "LICENSE-MIT", "NOTICE.txt", "licence.md"},
		true:  {"COPYING", "LICENSE", "LICENSE-MIT", "NOTICE.txt", "deep/LICENSE", "licence.md"},
	} {
		found, err := Files(root, deep)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, file := range found {
			names = append(names, file.Name)
		}
		if !slices.Equal(names, want) {
			t.Errorf("deep %v: %v, want %v", deep, names, want)
		}
	}
}

// What modules carry of others is named with its licence.
func TestCarried(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"github.com/yalue/onnxruntime_go": "MIT"} {
		files, err := Carried(path)
		if err != nil || !slices.Equal(IDs(files), []string{want}) {
			t.Errorf("%s: %v, %v", path, IDs(files), err)
		}
	}
}

func TestAllowed(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]bool{
		"MIT": true, "(MIT OR GPL-3.0)": true, "MIT AND Apache-2.0": true, "MIT OR Apache-2.0 AND GPL-3.0": true,
		"GPL-3.0": false, "MIT AND GPL-3.0": false, "AGPL-3.0": false, "": false, "UNLICENSED": false,
		"SEE LICENSE IN LICENSE": false, "(MIT OR ISC) AND GPL-3.0": false,
	} {
		if got := Allowed(expression); got != want {
			t.Errorf("%q: %v, want %v", expression, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	of := func(name, text string) File { return File{Name: name, Text: text, ID: Identify(text)} }
	mit := of("LICENSE", "Permission is hereby granted, free of charge, to any person obtaining a copy")
	for _, c := range []struct {
		files []File
		fine  bool
	}{
		{[]File{mit}, true},
		{[]File{mit, of("PATENTS", "Additional IP Rights Grant"), of("deep/NOTICE.txt", "Copyright by us")}, true},
		{nil, false},
		{[]File{of("NOTICE", "Apache License Version 2.0")}, false},
		{[]File{mit, of("deep/LICENSE", "GNU GENERAL PUBLIC LICENSE\nVersion 3")}, false},
		{[]File{mit, of("deep/LICENSE", "GNU AFFERO GENERAL PUBLIC LICENSE")}, false},
		{[]File{mit, of("LICENSE.nc", "Creative Commons Attribution-NonCommercial 4.0")}, false},
		{[]File{mit, of("LICENSE.other", "You may do nothing with this.")}, false},
	} {
		if err := Check(c.files); (err == nil) != c.fine {
			t.Errorf("%v: %v, want fine: %v", IDs(c.files), err, c.fine)
		}
	}
}
