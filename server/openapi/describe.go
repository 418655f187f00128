package openapi

import (
	"encoding/json"
	"slices"
	"strings"
)

// operations are those of one tag.
func (d *Document) operations(tag string) []operationView {
	var all []operationView
	for _, o := range d.Operations() {
		item := d.tree.object("paths").object(o.Path)
		described := item.object(strings.ToLower(o.Method))
		if !slices.Contains(described.words("tags"), tag) {
			continue
		}
		all = append(all, operationView{
			ID: tag + "-" + described.text("operationId"), Method: o.Method, Path: o.Path, Summary: described.text("summary"),
			Description: described.text("description"), Keys: d.keys(described), Examples: d.curl(o, described),
			Parameters: d.parameters(slices.Concat(item.objects("parameters"), described.objects("parameters"))),
			Bodies:     d.bodies(described.object("requestBody").object("content")), Answers: d.answers(described.object("responses")),
		})
	}
	return all
}

// keys are the headers that show a key, one of which is enough.
func (d *Document) keys(operation *object) []string {
	schemes, asked := d.tree.object("components").object("securitySchemes"), d.tree
	if operation.has("security") {
		asked = operation
	}
	var all []string
	for _, one := range asked.objects("security") {
		for _, name := range one.names() {
			switch scheme := schemes.object(name); scheme.text("scheme") {
			case "bearer":
				all = append(all, "Authorization: Bearer KEY")
			case "basic":
				all = append(all, "Authorization: Basic base64(NAME:KEY)")
			default:
				all = append(all, scheme.text("name")+": KEY")
			}
		}
	}
	return all
}

func (d *Document) parameters(list []*object) []row {
	var all []row
	for _, p := range list {
		p = d.resolved(p)
		all = append(all, row{
			Name: p.text("name"), Where: p.text("in"), Kind: kind(p.object("schema")), Description: p.text("description"),
			Default: preset(p.object("schema")), Required: p.get("required") == true,
		})
	}
	return all
}

func (d *Document) bodies(content *object) []bodyView {
	var all []bodyView
	for _, media := range content.names() {
		one := content.object(media)
		schema := one.object("schema")
		shown := bodyView{Media: media, Kind: kind(schema), Example: example(one.get("example"))}
		if !schema.has("$ref") {
			shown.Rows = d.rows(schema, "")
		}
		all = append(all, shown)
	}
	return all
}

func example(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case string:
		return value
	}
	text, _ := json.MarshalIndent(value, "", "  ") // it was marshalled before, as part of the document
	return string(text)
}

func (d *Document) answers(responses *object) []answerView {
	var all []answerView
	for _, status := range responses.names() {
		shown := d.answer(d.resolved(responses.object(status)))
		shown.Status, shown.Shared = status, referred(responses.object(status), "responses")
		all = append(all, shown)
	}
	return all
}

func (d *Document) answer(o *object) answerView {
	shown := answerView{Description: o.text("description"), Bodies: d.bodies(o.object("content"))}
	headers := o.object("headers")
	for _, name := range headers.names() {
		shown.Headers = append(shown.Headers, row{Name: name, Description: headers.object(name).text("description")})
	}
	return shown
}
