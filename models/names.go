package models

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"upscaled/engine/fault"
)

// maxName bounds the names of imported models, in bytes.
const maxName = 64

// namePattern is what imported models may be called; the name is also a
// folder's name on every system.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*[a-z0-9]$`)

// fold maps all ways of writing a name to one: case, '-', '_', '.' and spaces
// do not matter.
func fold(name string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(strings.ToLower(name))
}

// checkName refuses names that cannot be a folder.
func checkName(name string) error {
	if len(name) > maxName || !namePattern.MatchString(name) {
		return fault.New(fault.Invalid, "%.80q cannot be a model's name; use 2 to %d of the letters a-z, digits, '.', '-' and '_', beginning and ending with a letter or digit.", name, maxName)
	}
	return nil
}

// unknown is the error for a name that no model has.
func unknown(name string, names []string) error {
	near := suggestions(name, names)
	if len(near) == 0 {
		return fault.New(fault.NotFound, "There is no model %.80q; 'upscaled models list' shows those there are.", name)
	}
	return fault.New(fault.NotFound, "There is no model %.80q; did you mean %s?", name, strings.Join(near, " or "))
}

// suggestions gives up to three names that are close to what was typed: one
// contains the other, or few letters differ.
func suggestions(typed string, names []string) []string {
	typed = fold(typed)
	if typed == "" || len(typed) > maxName {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	for _, name := range names {
		folded := fold(name)
		d := distance(typed, folded)
		contained := len(typed) >= 3 && (strings.Contains(folded, typed) || strings.Contains(typed, folded))
		if contained || d <= max(len(folded), len(typed))/4 {
			near = append(near, candidate{name, d})
		}
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var out []string
	for _, c := range near[:min(len(near), 3)] {
		out = append(out, c.name)
	}
	return out
}

// distance is Levenshtein's: the fewest letters to insert, drop or replace.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
