package openapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"
)

// Operation is one method of one path, with path parameters as {name}.
type Operation struct {
	Method, Path string
}

// methods returns the methods of OpenAPI's path items.
func methods() []string {
	return []string{
		http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions,
		http.MethodHead, http.MethodPatch, http.MethodTrace,
	}
}

// Operations returns the operations of the document in its order.
func (d *Document) Operations() []Operation { return slices.Clone(d.operations) }

func operationsOf(document *yaml.Node) []Operation {
	var all []Operation
	paths := valueOf(document, "paths").Content
	for i := 0; i+1 < len(paths); i += 2 {
		for j := 0; j+1 < len(paths[i+1].Content); j += 2 {
			if method := strings.ToUpper(paths[i+1].Content[j].Value); slices.Contains(methods(), method) {
				all = append(all, Operation{method, paths[i].Value})
			}
		}
	}
	return all
}

// Difference is a disagreement between routes and document: a route without a
// description if Routed is set, else a description without a route.
type Difference struct {
	Operation
	Routed bool
}

func (d Difference) String() string {
	if d.Routed {
		return d.Method + " " + d.Path + " has a route but is not described"
	}
	return d.Method + " " + d.Path + " is described but has no route"
}

// Differences compares the document with a server's routes in both directions.
// It skips fallback routes (those that end in *), HEAD if GET is described, and
// ignored paths, such as the files of a web page.
func (d *Document) Differences(routes []*echo.Route, ignored func(path string) bool) []Difference {
	described, routed := map[Operation]bool{}, map[Operation]bool{}
	for _, o := range d.Operations() {
		described[o] = true
	}
	for _, r := range routes {
		o := Operation{r.Method, templated(r.Path)}
		head := r.Method == http.MethodHead && described[Operation{http.MethodGet, o.Path}]
		if r.Method != echo.RouteNotFound && !strings.HasSuffix(r.Path, "*") && !head && !ignored(r.Path) {
			routed[o] = true
		}
	}
	var all []Difference
	for o := range routed {
		if !described[o] {
			all = append(all, Difference{o, true})
		}
	}
	for o := range described {
		if !routed[o] {
			all = append(all, Difference{o, false})
		}
	}
	slices.SortFunc(all, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Method, b.Method))
	})
	return all
}

// templated converts echo's :name to {name}.
func templated(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if name, parameter := strings.CutPrefix(segment, ":"); parameter {
			segments[i] = "{" + name + "}"
		}
	}
	return strings.Join(segments, "/")
}
