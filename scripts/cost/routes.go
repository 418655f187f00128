package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// object is a JSON object, such as a schema.
type object = map[string]any

// route is one operation of the OpenAPI document, with a valid body.
type route struct {
	method, path string
	// json is nil if the route takes none; fields are those of a form, files the names
	// of its files.
	json   object
	fields map[string]string
	files  []string
}

// request is a request to send.
type request struct {
	method, path string
	header       http.Header
	body         []byte
}

// send returns how many bytes a request had, and the status of its answer: 0 if it
// was cut.
func (r request) send(client *http.Client, url string) (sent, status int) {
	sent = len(r.path) + len(r.body)
	q, err := http.NewRequest(r.method, url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return sent, 0
	}
	for name, values := range r.header {
		q.Header[name] = values
		for _, v := range values {
			sent += len(name) + len(v)
		}
	}
	answer, err := client.Do(q)
	if err != nil {
		return sent, 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return sent, answer.StatusCode
}

// routes starts a server and reads its routes.
func (f *fleet) routes() ([]route, error) {
	if err := f.start(); err != nil {
		return nil, err
	}
	answer, err := f.client.Get(f.url + "/openapi.json")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var document object
	if err := json.NewDecoder(answer.Body).Decode(&document); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	var all []route
	paths, _ := document["paths"].(object)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations, _ := paths[path].(object)
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			operation, is := operations[method].(object)
			if !is || !slices.Contains([]string{"get", "post", "put", "patch", "delete"}, method) {
				continue
			}
			r := route{method: strings.ToUpper(method), path: path}
			r.read(document, operation)
			all = append(all, r)
		}
	}
	return all, nil
}

// read makes a valid body from the schemas of an operation.
func (r *route) read(document, operation object) {
	body, _ := operation["requestBody"].(object)
	content, _ := resolve(document, body)["content"].(object)
	if media, is := content["application/json"].(object); is {
		schema, _ := media["schema"].(object)
		r.json, _ = example(document, schema, 0).(object)
	}
	if media, is := content["multipart/form-data"].(object); is {
		schema, _ := media["schema"].(object)
		r.fields = map[string]string{}
		properties, _ := resolve(document, schema)["properties"].(object)
		for name, p := range properties {
			property, _ := p.(object)
			property = resolve(document, property)
			items, _ := property["items"].(object)
			if property["format"] == "binary" || property["contentMediaType"] != nil || items["format"] == "binary" {
				r.files = append(r.files, name)
			} else {
				r.fields[name] = fmt.Sprint(example(document, property, 0))
			}
		}
	}
}

// resolve follows a schema's reference, or takes the first of its alternatives.
func resolve(document, schema object) object {
	for range 10 {
		if ref, is := schema["$ref"].(string); is {
			var at any = document
			for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
				inner, _ := at.(object)
				at = inner[part]
			}
			schema, _ = at.(object)
			continue
		}
		if parts, is := schema["allOf"].([]any); is {
			schema = merge(document, parts)
		}
		for _, key := range []string{"oneOf", "anyOf"} {
			if several, is := schema[key].([]any); is && len(several) > 0 {
				schema, _ = several[0].(object)
			}
		}
	}
	return schema
}

// merge returns a schema with the properties of several.
func merge(document object, parts []any) object {
	whole, properties := object{}, object{}
	for _, p := range parts {
		part, _ := p.(object)
		part = resolve(document, part)
		maps.Copy(whole, part)
		inner, _ := part["properties"].(object)
		maps.Copy(properties, inner)
	}
	if len(properties) > 0 {
		whole["properties"] = properties
	}
	return whole
}

// example returns a value of a schema, with all properties.
func example(document, schema object, depth int) any {
	schema = resolve(document, schema)
	for _, key := range []string{"example", "default", "const"} {
		if value, found := schema[key]; found {
			return value
		}
	}
	if values, is := schema["enum"].([]any); is && len(values) > 0 {
		return values[0]
	}
	kind := fmt.Sprint(schema["type"])
	items, _ := schema["items"].(object)
	properties, _ := schema["properties"].(object)
	switch {
	case depth > 6:
		return nil
	case properties != nil || strings.Contains(kind, "object"):
		value := object{}
		for name, p := range properties {
			property, _ := p.(object)
			value[name] = example(document, property, depth+1)
		}
		return value
	case strings.Contains(kind, "array"):
		return []any{example(document, items, depth+1)}
	case strings.Contains(kind, "integer"), strings.Contains(kind, "number"):
		return 2
	case strings.Contains(kind, "boolean"):
		return false
	}
	return "text"
}

var parameter = regexp.MustCompile(`\{[^}]*\}`)

// form returns the body of a form and its content type.
func form(fields map[string]string, files map[string][][]byte) (body []byte, kind string) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		_ = w.WriteField(name, fields[name])
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, file := range files[name] {
			if part, err := w.CreateFormFile(name, "image.png"); err == nil {
				_, _ = part.Write(file)
			}
		}
	}
	_ = w.Close()
	return out.Bytes(), w.FormDataContentType()
}
