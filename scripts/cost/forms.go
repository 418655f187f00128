package main

import (
	"fmt"
	"maps"
	"math/rand"
	"net/http"
	"strings"
)

// formOf returns the request of a form; files fills each of the route's files.
func (r route) formOf(fields map[string]string, files [][]byte) request {
	parts := map[string][][]byte{}
	for _, name := range r.files {
		parts[name] = files
	}
	body, kind := form(fields, parts)
	return request{method: r.method, path: r.path, header: http.Header{"Content-Type": {kind}}, body: body}
}

func (r route) formMutations() (all []mutation) {
	add := func(name string, make func(size int, random *rand.Rand) request) {
		all = append(all, mutation{name, make})
	}
	for name, image := range images() {
		add(name, func(size int, _ *rand.Rand) request { return r.formOf(r.fields, [][]byte{image(size)}) })
		add(name+", changed", func(size int, random *rand.Rand) request {
			return r.formOf(r.fields, [][]byte{change(image(size), random)})
		})
	}
	add("many fields", func(size int, _ *rand.Rand) request {
		fields := maps.Clone(r.fields)
		for i := range size / 80 {
			fields[fmt.Sprint("a", i)] = ""
		}
		return r.formOf(fields, [][]byte{{}})
	})
	add("many files", func(size int, _ *rand.Rand) request {
		return r.formOf(r.fields, make([][]byte, size/150))
	})
	add("a long name", func(size int, _ *rand.Rand) request {
		return r.formOf(map[string]string{strings.Repeat("a", size): "1"}, [][]byte{{}})
	})
	add("long fields", func(size int, _ *rand.Rand) request {
		fields := map[string]string{}
		for name := range r.fields {
			fields[name] = strings.Repeat("9", size/len(r.fields))
		}
		return r.formOf(fields, [][]byte{{}})
	})
	add("many lines of a part's header", func(size int, _ *rand.Rand) request {
		q := r.formOf(r.fields, [][]byte{{}})
		q.body = []byte(strings.Replace(string(q.body), "Content-Disposition", strings.Repeat("A: b\r\n", size/6)+"Content-Disposition", 1))
		return q
	})
	add("almost boundaries", func(size int, _ *rand.Rand) request {
		q := r.formOf(r.fields, nil)
		boundary := q.header.Get("Content-Type")[len("multipart/form-data; boundary="):]
		q.body = append(q.body, strings.Repeat("\r\n--"+boundary[:len(boundary)-1], size/len(boundary))...)
		return q
	})
	return append(all, r.packed())
}
