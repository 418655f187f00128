package openapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
)

// Operation is one method of one path, with path parameters as {name}.
type Operation struct {
	Method, Path string
}

// methods are those of OpenAPI's path items.
func methods() []string {
	return []string{
		http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete, http.MethodOptions,
		http.MethodHead, http.MethodPatch, http.MethodTrace,
	}
}

// Operations lists what the document describes, in its order.
func (d *Document) Operations() []Operation {
	var all []Operation
	paths := d.tree.object("paths")
	for _, path := range paths.names() {
		for _, key := range paths.object(path).names() {
			if method := strings.ToUpper(key); slices.Contains(methods(), method) {
				all = append(all, Operation{method, path})
			}
		}
	}
	return all
}

// Difference is where routes and document disagree. Routed says that a route
// is not described, else a description has no route.
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
// Routes that answer whatever no other does (those that end in *), HEAD where
// GET is described, and paths for which ignored says so are left out: files of
// a page are no API.
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

// templated writes echo's :name as {name}.
func templated(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		if name, parameter := strings.CutPrefix(segment, ":"); parameter {
			segments[i] = "{" + name + "}"
		}
	}
	return strings.Join(segments, "/")
}
