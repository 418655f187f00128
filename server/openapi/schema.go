package openapi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// resolved follows a reference within the document.
func (d *Document) resolved(o *object) *object {
	path, isReference := strings.CutPrefix(o.text("$ref"), "#/")
	if !isReference {
		return o
	}
	at := d.tree
	for key := range strings.SplitSeq(path, "/") {
		at = at.object(key)
	}
	return at
}

// referred is the name of what a reference leads to, "" for others. kind is
// "schemas", "responses" and so on.
func referred(o *object, kind string) string {
	name, isReference := strings.CutPrefix(o.text("$ref"), "#/components/"+kind+"/")
	if !isReference {
		return ""
	}
	return name
}

// kind is a schema's type in words.
func kind(o *object) string {
	switch name := referred(o, "schemas"); {
	case name != "":
		return link(name)
	case o.has("const"):
		return fmt.Sprintf("always %v", o.get("const"))
	case o.words("enum") != nil:
		return "one of " + strings.Join(quoted(o.words("enum")), ", ")
	case o.objects("oneOf") != nil:
		var words []string
		for _, one := range o.objects("oneOf") {
			words = append(words, kind(one))
		}
		return strings.Join(words, " or ")
	case o.text("type") == "array":
		return "list of " + kind(o.object("items"))
	case o.text("format") == "binary":
		return "file"
	case o.words("type") != nil: // several types; one is a text
		return strings.Join(o.words("type"), " or ")
	}
	return cmp.Or(o.text("type"), "object") + bounds(o)
}

// link marks a schema's name for the page: see markup.
func link(name string) string { return "[[" + name + "]]" }

// quoted makes an empty word visible.
func quoted(words []string) []string {
	all := slices.Clone(words)
	for i, word := range all {
		if word == "" {
			all[i] = `""`
		}
	}
	return all
}

// bounds tell the range of a number.
func bounds(o *object) string {
	least, most := o.get("minimum"), o.get("maximum")
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
func (d *Document) rows(o *object, prefix string) []row {
	o = d.resolved(o)
	var all []row
	for _, part := range o.objects("allOf") {
		all = append(all, d.rows(part, prefix)...)
	}
	properties := o.object("properties")
	for _, name := range properties.names() {
		property := properties.object(name)
		r := row{
			Name: prefix + name, Kind: kind(property), Default: preset(property), Description: property.text("description"),
			Required: slices.Contains(o.words("required"), name),
		}
		all = append(all, r)
		if within := inner(property); within != nil {
			all = append(all, d.rows(within, r.Name+".")...)
		}
	}
	return all
}

func preset(schema *object) string {
	if !schema.has("default") {
		return ""
	}
	return fmt.Sprint(schema.get("default"))
}

// inner is the object that a field holds, alone, in a list or as an
// alternative to null; nil where it has a name of its own.
func inner(o *object) *object {
	if items := o.object("items"); items != nil {
		o = items
	}
	for _, one := range o.objects("oneOf") {
		if one.has("properties") {
			o = one
		}
	}
	if o.has("$ref") {
		return nil
	}
	return o
}
