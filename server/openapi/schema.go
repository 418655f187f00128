package openapi

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// node is an object of the document. Reading what is not there gives zero
// values: the page then shows less.
type node map[string]any

func (n node) node(key string) node {
	inner, _ := n[key].(map[string]any)
	return inner
}

func (n node) nodes(key string) []node {
	list, _ := n[key].([]any)
	var all []node
	for _, item := range list {
		if inner, ok := item.(map[string]any); ok {
			all = append(all, inner)
		}
	}
	return all
}

func (n node) text(key string) string {
	text, _ := n[key].(string)
	return text
}

// words gives the texts of a list.
func (n node) words(key string) []string {
	list, _ := n[key].([]any)
	var all []string
	for _, item := range list {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

// resolved follows a reference within the document.
func (d *Document) resolved(n node) node {
	path, isReference := strings.CutPrefix(n.text("$ref"), "#/")
	if !isReference {
		return n
	}
	at := node(d.tree)
	for key := range strings.SplitSeq(path, "/") {
		at = at.node(key)
	}
	return at
}

// referred is the name of the schema that a node refers to, or "".
func referred(n node) string {
	name, _ := strings.CutPrefix(n.text("$ref"), "#/components/schemas/")
	return name
}

// kind is a schema's type in words. named gives how a reference is written.
func kind(n node, named func(string) string) string {
	switch {
	case referred(n) != "":
		return named(referred(n))
	case n["const"] != nil:
		return fmt.Sprintf("always %v", n["const"])
	case n.words("enum") != nil:
		return "one of " + strings.Join(quoted(n.words("enum")), ", ")
	case n.nodes("oneOf") != nil:
		return alternatives(n.nodes("oneOf"), named)
	case n.text("type") == "array":
		return "list of " + kind(n.node("items"), named)
	case n.text("format") == "binary":
		return "file"
	case n.words("type") != nil: // several types; one is a text
		return strings.Join(n.words("type"), " or ")
	}
	return cmp.Or(n.text("type"), "object") + bounds(n)
}

func quoted(words []string) []string {
	all := slices.Clone(words)
	for i, word := range all {
		if word == "" {
			all[i] = `""`
		}
	}
	return all
}

func alternatives(all []node, named func(string) string) string {
	var words []string
	for _, one := range all {
		words = append(words, kind(one, named))
	}
	return strings.Join(words, " or ")
}

// bounds tell the range of a number.
func bounds(n node) string {
	least, most := n["minimum"], n["maximum"]
	switch {
	case least != nil && most != nil:
		return fmt.Sprintf(", %v to %v", least, most)
	case least != nil:
		return fmt.Sprintf(", from %v", least)
	case most != nil:
		return fmt.Sprintf(", up to %v", most)
	}
	return ""
}

// row is one field of an object, or one parameter.
type row struct {
	Name, Where, Kind, Default, Description string
	Required                                bool
}

// rows lists the fields of an object, those of its parts and of objects within
// it too; names within are joined by dots.
func (d *Document) rows(n node, prefix string) []row {
	var all []row
	if referred(n) != "" {
		n = d.resolved(n)
	}
	for _, part := range n.nodes("allOf") {
		all = append(all, d.rows(part, prefix)...)
	}
	required, properties := n.words("required"), n.node("properties")
	for _, name := range requiredFirst(slices.Sorted(maps.Keys(properties)), required) {
		property := properties.node(name)
		r := row{
			Name: prefix + name, Kind: kind(property, link), Description: property.text("description"),
			Required: slices.Contains(required, name),
		}
		if preset, given := property["default"]; given {
			r.Default = fmt.Sprint(preset)
		}
		all = append(all, r)
		all = append(all, d.rows(inner(property), r.Name+".")...)
	}
	return all
}

// requiredFirst brings what cannot be left out to the front.
func requiredFirst(names, required []string) []string {
	slices.SortStableFunc(names, func(a, b string) int {
		switch inA, inB := slices.Contains(required, a), slices.Contains(required, b); {
		case inA == inB:
			return 0
		case inA:
			return -1
		}
		return 1
	})
	return names
}

// inner is the object that a field holds, alone, in a list or as an
// alternative to null, if it has no name of its own.
func inner(n node) node {
	if items := n.node("items"); items != nil {
		n = items
	}
	for _, one := range n.nodes("oneOf") {
		if one.node("properties") != nil {
			n = one
		}
	}
	if referred(n) != "" {
		return nil
	}
	return n
}

// link marks a schema's name for the page: see markup.
func link(name string) string { return "[[" + name + "]]" }
