// Package openapi holds the OpenAPI 3.1 document of all APIs of the server,
// written by hand in one part for each, and shows it as JSON and as a page.
package openapi

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"upscaled/engine/fault"
)

//go:embed parts/*.yaml
var parts embed.FS

// Document is the whole description. It does not change and may be used
// concurrently.
type Document struct {
	tree map[string]any
	text []byte // JSON
	page []byte // HTML
}

// New puts the parts together; the version is that of the program.
func New(version string) (*Document, error) {
	tree, err := merge(parts)
	if err != nil {
		return nil, err
	}
	info, ok := tree["info"].(map[string]any)
	if !ok {
		return nil, fault.New(fault.Internal, "The API description has no info.")
	}
	info["version"] = version
	text, err := json.MarshalIndent(tree, "", " ")
	if err != nil {
		return nil, fmt.Errorf("encode API description: %w", err)
	}
	d := &Document{tree: tree, text: text}
	d.page, err = d.render()
	return d, err
}

// JSON is the document as clients and tools read it.
func (d *Document) JSON() []byte { return slices.Clone(d.text) }

// merge joins all parts in the order of their names. Lists grow, and objects
// take in what others have; a value that two parts give is a mistake.
func merge(files fs.FS) (map[string]any, error) {
	names, err := fs.Glob(files, "parts/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list parts of the API description: %w", err)
	}
	whole := map[string]any{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read part of the API description: %w", err)
		}
		var part map[string]any
		if err := yaml.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		if err := join(whole, part, nil); err != nil {
			return nil, fmt.Errorf("join %s: %w", name, err)
		}
	}
	return whole, nil
}

func join(whole, part map[string]any, at []string) error {
	for key, value := range part {
		place := append(slices.Clone(at), key)
		old, known := whole[key]
		if !known {
			whole[key] = value
			continue
		}
		switch value := value.(type) {
		case map[string]any:
			if into, same := old.(map[string]any); same {
				if err := join(into, value, place); err != nil {
					return err
				}
				continue
			}
		case []any:
			if first, same := old.([]any); same && len(at) == 0 {
				whole[key] = append(first, value...)
				continue
			}
		}
		return fmt.Errorf("%s is there already", strings.Join(place, "."))
	}
	return nil
}
