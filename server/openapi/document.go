// Package openapi holds the OpenAPI 3.1 document of all APIs of the server,
// written by hand in one YAML part for each, and serves it as JSON and through
// Swagger UI.
package openapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"

	"go.yaml.in/yaml/v3"
)

//go:embed parts/*.yaml
var parts embed.FS

// Document is the whole description. It is immutable.
type Document struct {
	text []byte // JSON
}

// New joins the parts; version is the program's.
func New(version string) (*Document, error) {
	whole, err := merge(parts)
	if err != nil {
		return nil, err
	}
	*valueOf(valueOf(whole, "info"), "version") = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: version}
	var text, indented bytes.Buffer
	if err := encode(&text, whole); err != nil {
		return nil, fmt.Errorf("encode API description: %w", err)
	}
	if err := json.Indent(&indented, text.Bytes(), "", " "); err != nil {
		return nil, fmt.Errorf("indent API description: %w", err)
	}
	return &Document{indented.Bytes()}, nil
}

// JSON returns the document for clients and tools.
func (d *Document) JSON() []byte { return slices.Clone(d.text) }

// merge joins all parts in the order of their names. Top-level lists are
// appended and mappings united; a value that two parts define is an error.
func merge(files fs.FS) (*yaml.Node, error) {
	names, err := fs.Glob(files, "parts/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list parts of the API description: %w", err)
	}
	whole := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read part of the API description: %w", err)
		}
		var part yaml.Node
		if err := yaml.Unmarshal(text, &part); err != nil {
			return nil, fmt.Errorf("parse %s: %w", name, err)
		}
		if len(part.Content) != 1 || part.Content[0].Kind != yaml.MappingNode {
			return nil, fmt.Errorf("parse %s: it is not a mapping", name)
		}
		if err := join(whole, part.Content[0], ""); err != nil {
			return nil, fmt.Errorf("join %s: %w", name, err)
		}
	}
	return whole, nil
}

// valueOf returns a value of a mapping, or nil.
func valueOf(mapping *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// join adds a part to the whole; at is the path of both, "" at the top.
func join(whole, part *yaml.Node, at string) error {
	for i := 0; i+1 < len(part.Content); i += 2 {
		key, value := part.Content[i], part.Content[i+1]
		path := at + key.Value
		old := valueOf(whole, key.Value)
		switch {
		case old == nil:
			whole.Content = append(whole.Content, key, value)
		case old.Kind == yaml.MappingNode && value.Kind == yaml.MappingNode:
			if err := join(old, value, path+"."); err != nil {
				return err
			}
		case old.Kind == yaml.SequenceNode && value.Kind == yaml.SequenceNode && at == "":
			old.Content = append(old.Content, value.Content...)
		default:
			return fmt.Errorf("%s is defined twice", path)
		}
	}
	return nil
}

// encode writes JSON whose keys are in the order of the YAML: readers see the
// order that the author chose.
func encode(out *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.AliasNode:
		return encode(out, n.Alias)
	case yaml.MappingNode:
		return encodeMapping(out, n)
	case yaml.SequenceNode:
		out.WriteByte('[')
		for i, item := range n.Content {
			if i > 0 {
				out.WriteByte(',')
			}
			if err := encode(out, item); err != nil {
				return err
			}
		}
		out.WriteByte(']')
		return nil
	}
	var value any
	if err := n.Decode(&value); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	text, err := json.Marshal(value)
	out.Write(text)
	return err
}

func encodeMapping(out *bytes.Buffer, n *yaml.Node) error {
	out.WriteByte('{')
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if seen[key] {
			return fmt.Errorf("line %d: %s is defined twice", n.Content[i].Line, key)
		}
		seen[key] = true
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(key)
		if err != nil {
			return err
		}
		out.Write(append(name, ':'))
		if err := encode(out, n.Content[i+1]); err != nil {
			return err
		}
	}
	out.WriteByte('}')
	return nil
}
