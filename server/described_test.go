package server_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"upscaled/server"
	"upscaled/server/openapi"
)

// differences compares the OpenAPI document with routes in both directions. It
// skips fallback routes (those that end in *), HEAD if GET is described, and the
// files of pages.
func differences(t *testing.T, routes []*echo.Route) []string {
	t.Helper()
	document, err := openapi.New("test")
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(document.JSON(), &parsed); err != nil {
		t.Fatal(err)
	}
	described, routed := map[string]bool{}, map[string]bool{}
	for path, item := range parsed.Paths {
		servers := []struct{ URL string }{{"/"}}
		if own, given := item["servers"]; given {
			if err := json.Unmarshal(own, &servers); err != nil {
				t.Fatal(err)
			}
		}
		for method := range item {
			for _, s := range servers {
				if method != "parameters" && method != "servers" {
					described[strings.ToUpper(method)+" "+strings.TrimSuffix(s.URL, "/")+path] = true
				}
			}
		}
	}
	for _, r := range routes {
		segments := strings.Split(r.Path, "/")
		for i, segment := range segments {
			if name, parameter := strings.CutPrefix(segment, ":"); parameter {
				segments[i] = "{" + name + "}"
			}
		}
		path := strings.Join(segments, "/")
		head := r.Method == http.MethodHead && described["GET "+path]
		page := path == "/" || path == "/service-worker.js" || path == "/admin" || path == "/docs" || strings.HasPrefix(path, "/docs/") && path != "/docs/api"
		query := r.Method == "QUERY" // OpenAPI 3.1 has no such method
		if r.Method != echo.RouteNotFound && !query && !strings.HasSuffix(r.Path, "*") && !head && !page {
			routed[r.Method+" "+path] = true
		}
	}
	var all []string
	for o := range routed {
		if !described[o] {
			all = append(all, o+" has a route but is not described")
		}
	}
	for o := range described {
		if !routed[o] {
			all = append(all, o+" is described but has no route")
		}
	}
	slices.Sort(all)
	return all
}

func TestEveryRouteIsDescribed(t *testing.T) {
	t.Parallel()
	routes := whole(t, func(*server.Config) {}).Routes()
	for _, d := range differences(t, routes) {
		t.Error(d)
	}
	changed := []*echo.Route{{Method: "PUT", Path: "/api/v1/jobs/:id"}}
	for _, r := range routes {
		if r.Path != "/api/v1/system" {
			changed = append(changed, r)
		}
	}
	want := []string{"GET /api/v1/system is described but has no route", "PUT /api/v1/jobs/{id} has a route but is not described"}
	if got := differences(t, changed); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
