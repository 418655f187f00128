package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var (
	//go:embed page.html
	layout string
	//go:embed page.css
	stylesheet string
)

// What the page's template is given.
type (
	pageView struct {
		Title, Version, Summary, Introduction string
		Style                                 template.CSS
		Groups                                []groupView
		Schemas                               []schemaView
	}
	groupView struct {
		Name, Description string
		Operations        []operationView
	}
	operationView struct {
		ID, Method, Path, Summary, Description string
		// Keys say how callers show who they are.
		Keys       []string
		Parameters []row
		Bodies     []bodyView
		Answers    []answerView
	}
	bodyView struct {
		Media, Kind, Example string
		Rows                 []row
	}
	answerView struct {
		Status, Description string
		Headers             []row
		Bodies              []bodyView
	}
	schemaView struct {
		Name, Kind, Description string
		Rows                    []row
	}
)

// render makes the page, which needs no script.
func (d *Document) render() ([]byte, error) {
	parsed, err := template.New("page").Funcs(template.FuncMap{"markup": markup, "lower": strings.ToLower}).Parse(layout)
	if err != nil {
		return nil, fmt.Errorf("parse page of API description: %w", err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, d.view()); err != nil {
		return nil, fmt.Errorf("make page of API description: %w", err)
	}
	return out.Bytes(), nil
}

func (d *Document) view() pageView {
	root := node(d.tree)
	info := root.node("info")
	v := pageView{
		Title: info.text("title"), Version: info.text("version"), Summary: info.text("summary"),
		Introduction: info.text("description"), Style: template.CSS(stylesheet),
	}
	for _, tag := range root.nodes("tags") {
		v.Groups = append(v.Groups, groupView{tag.text("name"), tag.text("description"), d.operations(tag.text("name"))})
	}
	schemas := root.node("components").node("schemas")
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		schema := schemas.node(name)
		shown := schemaView{Name: name, Description: schema.text("description"), Rows: d.rows(schema, "")}
		if len(shown.Rows) == 0 {
			shown.Kind = kind(schema, link)
		}
		v.Schemas = append(v.Schemas, shown)
	}
	return v
}

// operations are those of one tag.
func (d *Document) operations(tag string) []operationView {
	var all []operationView
	for _, o := range d.Operations() {
		item := node(d.tree).node("paths").node(o.Path)
		described := item.node(strings.ToLower(o.Method))
		if !slices.Contains(described.words("tags"), tag) {
			continue
		}
		all = append(all, operationView{
			ID: tag + "-" + described.text("operationId"), Method: o.Method, Path: o.Path, Summary: described.text("summary"),
			Description: described.text("description"), Keys: d.keys(described),
			Parameters: d.parameters(append(item.nodes("parameters"), described.nodes("parameters")...)),
			Bodies:     d.bodies(described.node("requestBody").node("content")), Answers: d.answers(described.node("responses")),
		})
	}
	return all
}

// keys tell the ways to show a key; none where it needs none.
func (d *Document) keys(operation node) []string {
	schemes := node(d.tree).node("components").node("securitySchemes")
	asked := node(d.tree).nodes("security")
	if _, own := operation["security"]; own {
		asked = operation.nodes("security")
	}
	var all []string
	for _, one := range asked {
		for name := range one {
			all = append(all, schemes.node(name).text("description"))
		}
	}
	return all
}

func (d *Document) parameters(list []node) []row {
	var all []row
	for _, p := range list {
		p = d.resolved(p)
		schema := p.node("schema")
		r := row{
			Name: p.text("name"), Where: p.text("in"), Kind: kind(schema, link), Description: p.text("description"),
			Required: p["required"] == true,
		}
		if preset, given := schema["default"]; given {
			r.Default = fmt.Sprint(preset)
		}
		all = append(all, r)
	}
	return all
}

func (d *Document) bodies(content node) []bodyView {
	var all []bodyView
	for _, media := range slices.Sorted(maps.Keys(content)) {
		one := content.node(media)
		schema := one.node("schema")
		shown := bodyView{Media: media, Kind: kind(schema, link)}
		if referred(schema) == "" {
			shown.Rows = d.rows(schema, "")
		}
		switch example := one["example"].(type) {
		case nil:
		case string:
			shown.Example = example
		default:
			text, _ := json.MarshalIndent(example, "", "  ") // it came out of the document
			shown.Example = string(text)
		}
		all = append(all, shown)
	}
	return all
}

func (d *Document) answers(responses node) []answerView {
	var all []answerView
	for _, status := range slices.Sorted(maps.Keys(responses)) { // "default" comes last
		one := d.resolved(responses.node(status))
		shown := answerView{Status: status, Description: one.text("description"), Bodies: d.bodies(one.node("content"))}
		headers := one.node("headers")
		for _, name := range slices.Sorted(maps.Keys(headers)) {
			header := headers.node(name)
			shown.Headers = append(shown.Headers, row{Name: name, Kind: kind(header.node("schema"), link), Description: header.text("description")})
		}
		all = append(all, shown)
	}
	return all
}

var (
	code      = regexp.MustCompile("`([^`]+)`")
	bold      = regexp.MustCompile(`\*\*([^*]+)\*\*`)
	reference = regexp.MustCompile(`\[\[(\w+)\]\]`)
)

// markup is the little Markdown that descriptions use, as HTML: code, bold,
// paragraphs, and links to schemas. All else is escaped.
func markup(text string) template.HTML {
	text = html.EscapeString(strings.TrimSpace(text))
	text = code.ReplaceAllString(text, "<code>$1</code>")
	text = bold.ReplaceAllString(text, "<strong>$1</strong>")
	text = reference.ReplaceAllString(text, `<a href="#schema-$1">$1</a>`)
	return template.HTML(strings.ReplaceAll(text, "\n\n", "<br><br>"))
}
