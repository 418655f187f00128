package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
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
		Responses                             []answerView
		Schemas                               []schemaView
	}
	groupView struct {
		Name, Description string
		Operations        []operationView
	}
	operationView struct {
		ID, Method, Path, Summary, Description string
		// Keys say how callers show who they are; none where they need not.
		Keys       []string
		Examples   []string
		Parameters []row
		Bodies     []bodyView
		Answers    []answerView
	}
	bodyView struct {
		Media, Kind, Example string
		Rows                 []row
	}
	// answerView is an answer with a status, or one that many operations share:
	// then Shared is its name and the operations show no more than that.
	answerView struct {
		Status, Shared, Description string
		Headers                     []row
		Bodies                      []bodyView
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
	info, components := d.tree.object("info"), d.tree.object("components")
	v := pageView{
		Title: info.text("title"), Version: info.text("version"), Summary: info.text("summary"),
		Introduction: info.text("description"), Style: template.CSS(stylesheet),
	}
	for _, tag := range d.tree.objects("tags") {
		v.Groups = append(v.Groups, groupView{tag.text("name"), tag.text("description"), d.operations(tag.text("name"))})
	}
	responses, schemas := components.object("responses"), components.object("schemas")
	for _, name := range responses.names() {
		shown := d.answer(responses.object(name))
		shown.Shared = name
		v.Responses = append(v.Responses, shown)
	}
	for _, name := range schemas.names() {
		schema := schemas.object(name)
		shown := schemaView{Name: name, Description: schema.text("description"), Rows: d.rows(schema, "")}
		if len(shown.Rows) == 0 {
			shown.Kind = kind(schema)
		}
		v.Schemas = append(v.Schemas, shown)
	}
	return v
}

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
