package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"slices"
	"strings"
)

// mutation makes a request of about a size in bytes.
type mutation struct {
	name string
	make func(size int, random *rand.Rand) request
}

// longestHeader is below net/http's limit of 64 KiB for all headers.
const longestHeader = 56 << 10

// mutations returns the variants of a route's requests.
func (r route) mutations() []mutation {
	all := r.headerMutations()
	if r.json != nil {
		all = append(all, r.jsonMutations()...)
	}
	if r.fields != nil {
		all = append(all, r.formMutations()...)
	}
	return all
}

// plain returns the valid request.
func (r route) plain() request {
	q := request{method: r.method, path: r.path, header: http.Header{}}
	switch {
	case r.json != nil:
		q.body, _ = json.Marshal(r.json)
		q.header.Set("Content-Type", "application/json")
	case r.fields != nil:
		q = r.formOf(r.fields, nil)
	}
	return q
}

func (r route) headerMutations() []mutation {
	all := []mutation{{"long query", func(size int, _ *rand.Rand) request {
		q := r.plain()
		q.path += "?" + strings.Repeat("a=%41&", min(size, longestHeader)/6)
		return q
	}}}
	values := map[string][2]string{
		"Range": {"bytes=", "0-0,900000-900000,"}, "If-None-Match": {"", `"a",`}, "If-Match": {"", `"a",`}, "Accept": {"", "image/png;q=0.1,"},
		"Accept-Encoding": {"", "gzip;q=0.1,"}, "Accept-Language": {"", "en;q=0.1,"}, "Authorization": {"Bearer ", "sk-live-"},
		"Cookie": {"", "a=b;"}, "X-Forwarded-For": {"", "10.0.0.1,"}, "Forwarded": {"", "for=10.0.0.1,"}, "Prefer": {"", "wait=1,"},
		"Idempotency-Key": {"", "a"}, "Content-Type": {"multipart/form-data; ", `a="b";`}, "Traceparent": {"", "00-"}, "Origin": {"http://", "a."},
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v := values[name]
		all = append(all, mutation{"many values in " + name, func(size int, _ *rand.Rand) request {
			q := r.plain()
			q.header.Set(name, v[0]+strings.TrimRight(strings.Repeat(v[1], min(size, longestHeader)/len(v[1])), ",;"))
			return q
		}})
	}
	return all
}

// bodies returns JSON texts that take far more memory or time than their bytes.
func bodies() map[string]func(size int) string {
	return map[string]func(size int) string{
		"many empty objects": func(n int) string { return "[{}" + strings.Repeat(",{}", n/3) + "]" },
		"many numbers":       func(n int) string { return "[0" + strings.Repeat(",0", n/2) + "]" },
		"many strings":       func(n int) string { return `[""` + strings.Repeat(`,""`, n/3) + "]" },
		"many levels":        func(n int) string { return strings.Repeat("[", n/2) + strings.Repeat("]", n/2) },
		"many levels of objects": func(n int) string {
			return strings.Repeat(`{"a":`, n/6) + "0" + strings.Repeat("}", n/6)
		},
		"many keys": func(n int) string {
			var out strings.Builder
			for i := 0; out.Len() < n; i++ {
				fmt.Fprintf(&out, `,"%x":0`, i)
			}
			return "{" + out.String()[1:] + "}"
		},
		"one key many times": func(n int) string { return `{"image":0` + strings.Repeat(`,"image":0`, n/10) + "}" },
		"a long number":      func(n int) string { return strings.Repeat("9", n) },
		"a long string":      func(n int) string { return `"` + strings.Repeat("a", n) + `"` },
		"many escapes":       func(n int) string { return `"` + strings.Repeat(`\u0041`, n/6) + `"` },
	}
}

func (r route) jsonMutations() (all []mutation) {
	add := func(name string, body func(size int, random *rand.Rand) []byte) {
		all = append(all, mutation{name, func(size int, random *rand.Rand) request {
			q := r.plain()
			q.body = body(size, random)
			return q
		}})
	}
	for name, body := range bodies() {
		add(name, func(size int, _ *rand.Rand) []byte { return []byte(body(size)) })
		for property := range r.json {
			add(name+" in "+property, func(size int, _ *rand.Rand) []byte {
				return r.with(property, json.RawMessage(body(size)))
			})
		}
	}
	for name, image := range images() {
		for place, with := range texts(r.json, "") {
			add(name+" in "+place, func(size int, _ *rand.Rand) []byte {
				text, _ := json.Marshal(with("data:image/png;base64," + base64.StdEncoding.EncodeToString(image(size*3/4))))
				return text
			})
		}
	}
	add("changed bytes", func(_ int, random *rand.Rand) []byte { return change(r.plain().body, random) })
	return append(all, r.packed())
}

// texts returns functions that replace one of a value's texts, by their places.
func texts(value any, place string) map[string]func(text string) any {
	all := map[string]func(string) any{}
	switch value := value.(type) {
	case string:
		all[place] = func(text string) any { return text }
	case []any:
		for i, item := range value {
			for at, with := range texts(item, fmt.Sprintf("%s[%d]", place, i)) {
				all[at] = func(text string) any {
					changed := slices.Clone(value)
					changed[i] = with(text)
					return changed
				}
			}
		}
	case object:
		for name, item := range value {
			for at, with := range texts(item, place+"."+name) {
				all[at] = func(text string) any {
					changed := maps.Clone(value)
					changed[name] = with(text)
					return changed
				}
			}
		}
	}
	return all
}

// with returns the valid body with another value of a property.
func (r route) with(property string, value any) []byte {
	body := maps.Clone(r.json)
	body[property] = value
	text, _ := json.Marshal(body)
	return text
}

// packed is a body that expands a thousandfold.
func (r route) packed() mutation {
	return mutation{"zeroes in gzip", func(size int, _ *rand.Rand) request {
		q := r.plain()
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, _ = w.Write(q.body[:max(0, len(q.body)-4)])
		_, _ = w.Write(make([]byte, min(100*size, 256<<20)))
		_ = w.Close()
		q.body = out.Bytes()
		q.header.Set("Content-Encoding", "gzip")
		return q
	}}
}

// change replaces some bytes.
func change(body []byte, random *rand.Rand) []byte {
	body = bytes.Clone(body)
	for range 1 + random.Intn(8) {
		if len(body) > 0 {
			body[random.Intn(len(body))] = byte(random.Intn(256))
		}
	}
	return body
}
