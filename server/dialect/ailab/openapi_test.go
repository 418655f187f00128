package ailab_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/legacy"

	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
)

// vendorPage is laid beside some checkouts; it is not ours to distribute.
var vendorPage = filepath.Join("..", "..", "..", "..", "shared", "docs", "vendor-apis", "ailab.txt")

// vendorDocument is the OpenAPI document in the vendor's page.
func vendorDocument(t *testing.T) *openapi3.T {
	t.Helper()
	page, err := os.ReadFile(vendorPage)
	if os.IsNotExist(err) {
		t.Skipf("the vendor's page is not at %s", vendorPage)
	} else if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "\n````yaml ")
	block, _, closed := strings.Cut(rest, "\n````")
	if !found || !closed {
		t.Fatal("the page has no block of YAML")
	}
	_, text, _ := strings.Cut(block, "\n") // the fence's own line names the path
	document, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// strict makes a schema of an example: exactly its keys, each of its type. The
// document's own schema of the answer says no more than "object".
func strict(t *testing.T, example any) *openapi3.Schema {
	t.Helper()
	switch example := example.(type) {
	case string:
		return openapi3.NewStringSchema()
	case float64, int, uint64:
		return openapi3.NewIntegerSchema()
	case map[string]any:
		s := openapi3.NewObjectSchema().WithoutAdditionalProperties()
		for name, value := range example {
			s.WithProperty(name, strict(t, value))
		}
		s.Required = slices.Sorted(maps.Keys(example))
		return s
	}
	t.Fatalf("no schema for %T", example)
	return nil
}

// answerExample is the example of the successful answer.
func answerExample(t *testing.T, document *openapi3.T) map[string]any {
	t.Helper()
	media := document.Paths.Find(enlarge).Post.Responses.Status(http.StatusOK).Value.Content["application/json"]
	example, ok := media.Example.(map[string]any)
	if !ok {
		t.Fatalf("the example is %T", media.Example)
	}
	return example
}

// keep lets any key pass: keys are checked by other tests.
var keep = &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}

func TestCallMatchesOpenAPI(t *testing.T) {
	t.Parallel()
	document := vendorDocument(t)
	router, err := legacy.NewRouter(document)
	if err != nil {
		t.Fatal(err)
	}
	media := document.Paths.Find(enlarge).Post.Responses.Status(http.StatusOK).Value.Content["application/json"]
	media.Schema.Value.AllOf = openapi3.SchemaRefs{strict(t, answerExample(t, document)).NewRef()}
	r := keyed(dialecttest.Form(t, document.Servers[0].URL+enlarge,
		dialecttest.Field("upscale_factor", "4"), dialecttest.Field("mode", "enhancement"),
		dialecttest.Field("output_format", "jpg"), dialecttest.Field("output_quality", "80"),
		dialecttest.File("image", "photo.jpg", dialecttest.PNG(t, 40, 33, false))), "good")
	route, parameters, err := router.FindRoute(r)
	if err != nil {
		t.Fatal(err)
	}
	request := &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route, Options: keep}
	if err := openapi3filter.ValidateRequest(t.Context(), request); err != nil {
		t.Errorf("our request: %v", err)
	}
	s := newServer()
	s.gate = gate()
	got := s.do(r) // the validator left the body as it was
	response := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: request, Status: got.Code, Header: got.Header(), Options: keep,
	}
	if err := openapi3filter.ValidateResponse(t.Context(), response.SetBodyBytes(got.Body.Bytes())); err != nil {
		t.Errorf("our answer: %v", err)
	}
	want := job.Options{Model: "realesrgan-x4plus", Scale: 4, Format: "jpeg", Quality: 80}
	if jobs := s.queue.Jobs(); len(jobs) != 1 || jobs[0].Options != want {
		t.Errorf("jobs %+v", jobs)
	}
	response.SetBodyBytes([]byte(strings.Replace(got.Body.String(), `"log_id"`, `"log"`, 1)))
	if openapi3filter.ValidateResponse(t.Context(), response) == nil {
		t.Error("an answer without log_id passes: this test proves nothing")
	}
}

// The document has no schema of errors; they are the example without data.
func TestErrorsMatchOpenAPI(t *testing.T) {
	t.Parallel()
	example := maps.Clone(answerExample(t, vendorDocument(t)))
	delete(example, "data")
	schema := strict(t, example)
	s := newServer()
	s.gate = gate()
	for _, r := range []*http.Request{
		photo(t),
		keyed(photo(t), "off"),
		keyed(photo(t), "broken"),
		keyed(dialecttest.Form(t, enlarge), "good"),
		keyed(photo(t, dialecttest.Field("mode", "x")), "good"),
		keyed(sent(t, []byte("text")), "good"),
		httptest.NewRequest(http.MethodGet, "/api/unknown", nil),
	} {
		got := s.do(r)
		if got.Code < http.StatusBadRequest {
			t.Errorf("status %d is no error", got.Code)
		}
		if err := matches(schema, got.Body.Bytes()); err != nil {
			t.Errorf("%s: %v", got.Body, err)
		}
	}
	if matches(schema, s.do(keyed(photo(t), "good")).Body.Bytes()) == nil {
		t.Error("an answer with data passes for an error: this test proves nothing")
	}
}

func matches(schema *openapi3.Schema, body []byte) error {
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("decode body: %w", err)
	}
	return schema.VisitJSON(value)
}
