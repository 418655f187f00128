package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// mutation is a set of guards that are taken out together.
type mutation struct {
	name   string
	guards []guard
	tests  []test // each must fail
}

// guard is one mark in the source.
type guard struct {
	file        string // relative to the module, with slashes
	line        int    // of the mark, from 1
	replacement string // "" for the default of the statement
}

// test is a test of a package, such as ./server/queue. A name may continue with
// subtests, in the form of go test -run.
type test struct{ pkg, name string }

// mark matches a guard's comment.
var mark = regexp.MustCompile(`(?m)^(.*)//guard:([a-z0-9-]+)((?: [^\s=]\S*)*)(?: => (.+))?$`)

// testFunction matches the declaration of a test or fuzz target.
var testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)

// mutations reads all guards of a module, in the order of their files.
func mutations(root string) ([]mutation, error) {
	files, packages, err := read(root)
	if err != nil {
		return nil, err
	}
	var all []mutation
	for _, file := range slices.Sorted(maps.Keys(files)) {
		for _, at := range mark.FindAllStringSubmatchIndex(files[file], -1) {
			group := func(i int) string {
				if at[2*i] < 0 {
					return ""
				}
				return files[file][at[2*i]:at[2*i+1]]
			}
			name, line := group(2), 1+strings.Count(files[file][:at[0]], "\n")
			i := slices.IndexFunc(all, func(m mutation) bool { return m.name == name })
			if i < 0 {
				i, all = len(all), append(all, mutation{name: name})
			}
			all[i].guards = append(all[i].guards, guard{file, line, group(4)})
			for wanted := range strings.FieldsSeq(group(3)) {
				pkg, err := lookUp(packages, path.Dir(file), wanted)
				if err != nil {
					return nil, fmt.Errorf("%s:%d: %w", file, line, err)
				}
				all[i].tests = append(all[i].tests, test{pkg, wanted})
			}
		}
	}
	for _, m := range all {
		if len(m.tests) == 0 {
			return nil, fmt.Errorf("%s:%d: no guard %s names a test", m.guards[0].file, m.guards[0].line, m.name)
		}
	}
	return all, nil
}

// read returns the sources that have guards, by file, and the packages that
// have each test.
func read(root string) (files map[string]string, packages map[string][]string, err error) {
	files, packages = map[string]string{}, map[string][]string{}
	err = filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "node_modules"):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if !strings.HasSuffix(relative, "_test.go") {
			if path.Dir(relative) != "scripts/mutation" && mark.Match(text) {
				files[relative] = string(text)
			}
			return nil
		}
		for _, found := range testFunction.FindAllStringSubmatch(string(text), -1) {
			packages[found[1]] = append(packages[found[1]], path.Dir(relative))
		}
		return nil
	})
	return files, packages, err
}

// lookUp returns the package of a test, as go test takes it.
func lookUp(packages map[string][]string, folder, name string) (string, error) {
	function, _, _ := strings.Cut(name, "/")
	found := packages[function]
	switch {
	case slices.Contains(found, folder):
		return "./" + folder, nil
	case len(found) == 1:
		return "./" + found[0], nil
	case len(found) == 0:
		return "", fmt.Errorf("there is no %s", function)
	}
	return "", fmt.Errorf("several packages have a %s: %s", function, strings.Join(found, ", "))
}

func (m mutation) matches(pattern *regexp.Regexp) bool {
	return pattern.MatchString(m.name) ||
		slices.ContainsFunc(m.guards, func(g guard) bool { return pattern.MatchString(g.file) }) ||
		slices.ContainsFunc(m.tests, func(t test) bool { return pattern.MatchString(t.name) })
}
