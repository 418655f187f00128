// Package index reads lists of models that others publish, in the shape of
// OpenModelDB's API: an object of models by their names, or an array of them. It
// trusts nothing in them but the SHA-256 of a file that the user asks for.
package index

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"upscaled/models/fault"
)

// MaxBytes bounds an index; OpenModelDB's has 2 MB.
const MaxBytes = 64 << 20

// Model is a listed model.
type Model struct {
	// ID is its name in the index, unique there.
	ID           string `json:"id"`
	Name         string `json:"name"`
	Author       Texts  `json:"author"`
	License      string `json:"license"`
	Tags         Texts  `json:"tags"`
	Architecture string `json:"architecture"`
	// Scale is output side / input side.
	Scale float64 `json:"scale"`
	// Resources are alternative files.
	Resources []Resource `json:"resources"`
}

// Resource is one file of a model.
type Resource struct {
	// Type is the extension: "pth", "safetensors" or "onnx".
	Type   string   `json:"type"`
	Size   int64    `json:"size"`
	SHA256 string   `json:"sha256"`
	URLs   []string `json:"urls"`
}

// Texts is a text or an array of texts in JSON.
type Texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Texts) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte("[")) {
		return json.Unmarshal(data, (*[]string)(t))
	}
	var one string
	if err := json.Unmarshal(data, &one); err != nil {
		return err
	}
	if *t = nil; one != "" {
		*t = Texts{one}
	}
	return nil
}

// Parse reads an index, sorted by ID. Anything else is fault.Invalid.
func Parse(data []byte) ([]Model, error) {
	var all []Model
	byID := map[string]Model{}
	err := json.Unmarshal(data, &all)
	if err != nil {
		err = json.Unmarshal(data, &byID)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The index is no list of models in OpenModelDB's shape.")
	}
	for id, m := range byID {
		m.ID = id
		all = append(all, m)
	}
	for i := range all {
		all[i].ID = cmp.Or(all[i].ID, all[i].Name)
	}
	all = slices.DeleteFunc(all, func(m Model) bool { return m.ID == "" })
	slices.SortStableFunc(all, func(a, b Model) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// Matching returns the models in whose name, architecture, author, tags, license or
// scale ("4x") every word is, whatever its case.
func Matching(all []Model, words []string) []Model {
	return slices.DeleteFunc(slices.Clone(all), func(m Model) bool { return !m.matches(words) })
}

func (m Model) matches(words []string) bool {
	text := strings.ToLower(strings.Join(slices.Concat([]string{m.ID, m.Name, m.Architecture, m.License, m.ScaleText()}, m.Author, m.Tags), "\n"))
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, strings.ToLower(word)) })
}

// ScaleText returns the scale, such as "4x".
func (m Model) ScaleText() string { return fmt.Sprintf("%gx", m.Scale) }

// Best returns the file to import: weights before ONNX, since they allow exact tiles and
// mixing. Files without SHA-256, size or an https URL are passed over.
func (m Model) Best() (best Resource, ok bool) {
	types := []string{"safetensors", "pth", "onnx"}
	rank := func(r Resource) int { return slices.Index(types, r.Type) }
	for _, r := range m.Resources {
		sum, err := hex.DecodeString(r.SHA256)
		r.URLs = slices.DeleteFunc(slices.Clone(r.URLs), func(u string) bool { return !strings.HasPrefix(u, "https://") })
		if err != nil || len(sum) != 32 || r.Size <= 0 || len(r.URLs) == 0 || rank(r) < 0 || ok && rank(r) >= rank(best) {
			continue
		}
		best, ok = r, true
	}
	return best, ok
}
