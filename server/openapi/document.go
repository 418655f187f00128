// Package openapi holds the OpenAPI 3.1 document of all APIs of the server,
// written by hand in one part for each, and shows it as JSON and as a page.
package openapi

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed parts/*.yaml
var parts embed.FS

// Document is the whole description. It does not change and may be used
// concurrently.
type Document struct {
	tree *object
	text []byte // JSON
	page []byte // HTML
}

// New puts the parts together; the version is that of the program.
func New(version string) (*Document, error) {
	tree, err := merge(parts)
	if err != nil {
		return nil, err
	}
	tree.object("info").set("version", version)
	d := &Document{tree: tree}
	if d.text, err = json.MarshalIndent(tree, "", " "); err != nil {
		return nil, fmt.Errorf("encode API description: %w", err)
	}
	d.page, err = d.render()
	return d, err
}

// JSON is the document as clients and tools read it.
func (d *Document) JSON() []byte { return slices.Clone(d.text) }

// merge joins all parts in the order of their names. The document's own lists
// grow, and objects take in what others have; a value that two parts give is a
// mistake.
func merge(files fs.FS) (*object, error) {
	names, err := fs.Glob(files, "parts/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list parts of the API description: %w", err)
	}
	whole := &object{}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read part of the API description: %w", err)
		}
		part, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		if err := join(whole, part, ""); err != nil {
			return nil, fmt.Errorf("join %s: %w", name, err)
		}
	}
	return whole, nil
}

// join adds a part to the whole; at is where both are, "" at the top.
func join(whole, part *object, at string) error {
	for _, key := range part.names() {
		old, value, place := whole.get(key), part.get(key), key
		if at != "" {
			place = at + "." + key
		}
		if !whole.has(key) {
			whole.set(key, value)
			continue
		}
		into, isObject := old.(*object)
		from, same := value.(*object)
		first, isList := old.([]any)
		more, sameList := value.([]any)
		switch {
		case isObject && same:
			if err := join(into, from, place); err != nil {
				return err
			}
		case isList && sameList && at == "":
			whole.set(key, append(first, more...))
		default:
			return fmt.Errorf("%s is there already", place)
		}
	}
	return nil
}
