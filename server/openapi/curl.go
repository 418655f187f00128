package openapi

import (
	"encoding/json"
	"regexp"
	"strings"
)

// exampleServer is where 'upscaled serve' listens by default.
const exampleServer = "http://127.0.0.1:8080"

// curl gives a command line for each kind of body that an operation takes, or
// one for none. Parameters in paths stay in braces.
func (d *Document) curl(o Operation, operation *object) []string {
	start := "curl "
	if o.Method != "GET" && (o.Method != "POST" || !operation.has("requestBody")) {
		start += "-X " + o.Method + " "
	}
	start += "'" + exampleServer + o.Path + query(operation) + "'"
	if keys := d.keys(operation); len(keys) > 0 {
		start += " -H '" + keys[0] + "'"
	}
	content := operation.object("requestBody").object("content")
	var all []string
	for _, media := range content.names() {
		all = append(all, start+d.body(media, content.object(media)))
	}
	if len(all) == 0 {
		all = []string{start}
	}
	return all
}

// query has the parameters that must be given.
func query(operation *object) string {
	var parts []string
	for _, p := range operation.objects("parameters") {
		if p.text("in") == "query" && p.get("required") == true {
			parts = append(parts, p.text("name")+"="+strings.ToUpper(p.text("name")))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "?" + strings.Join(parts, "&")
}

// body has what must be given, or the example where there is one.
func (d *Document) body(media string, one *object) string {
	if media != "multipart/form-data" {
		text := one.get("example")
		if text == nil {
			text = map[string]string{}
		}
		body, _ := json.Marshal(text) // it was marshalled before, as part of the document
		return " -H 'Content-Type: " + media + "' -d '" + string(body) + "'"
	}
	form := ""
	for _, r := range d.rows(one.object("schema"), "") {
		switch {
		case !r.Required || strings.Contains(r.Name, "."):
		case strings.HasSuffix(r.Kind, "file"):
			form += " -F " + r.Name + "=@photo.jpg"
		default:
			form += " -F " + r.Name + "=" + firstWord.FindString(strings.TrimPrefix(r.Kind, "one of "))
		}
	}
	return form
}

var firstWord = regexp.MustCompile(`^[^ ,]+`)
