package models

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"upscaled/models/fault"
)

// maxName bounds the names of imported models, in bytes.
const maxName = 64

// namePattern matches names of imported models; a name is also a folder's name on
// every system.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*[a-z0-9]$`)

// fold maps all spellings of a name to one: case, '-', '_', '.' and spaces do not
// matter.
func fold(name string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "", " ", "").Replace(strings.ToLower(name))
}

// SameName reports whether two spellings name the same model.
func SameName(a, b string) bool { return fold(a) == fold(b) }

// checkName rejects names that cannot be a folder.
func checkName(name string) error {
	if len(name) > maxName || !namePattern.MatchString(name) {
		return fault.New(fault.Invalid, "%.80q cannot be a model's name; use 2 to %d of the letters a-z, digits, '.', '-' and '_', starting and ending with a letter or digit.", name, maxName)
	}
	return nil
}

// unknown returns the error for a name that no model has.
func unknown(name string, names []string) error {
	near := Near(name, names)
	if len(near) == 0 {
		return fault.New(fault.NotFound, "There is no model %.80q; 'upscaled models list' shows the available ones.", name)
	}
	return fault.New(fault.NotFound, "There is no model %.80q; did you mean %s?", name, strings.Join(near, " or "))
}

// Near returns up to three names that are close to the typed one: one contains
// the other, or few letters differ.
func Near(typed string, names []string) []string {
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

// distance returns the minimum number of insertions, deletions, replacements and
// swaps of neighbors (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			replaced := last[j]
			if a[i] != b[j] {
				replaced++
			}
			row[j+1] = min(replaced, row[j]+1, last[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
