package openapi

import (
	"bytes"
	_ "embed"
	"fmt"
	"html"
	"html/template"
	"regexp"
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
