//go:build e2e

package e2e

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collected are the spans that a pretend OpenTelemetry collector got.
type collected struct {
	url     string
	mutex   sync.Mutex
	spans   []*spans.Span
	service string
}

// collect starts a collector that takes OTLP over HTTP.
func collect(t *testing.T) *collected {
	t.Helper()
	c := &collected{}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request collector.ExportTraceServiceRequest
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL, err)
		}
		c.take(&request)
	}))
	t.Cleanup(web.Close)
	c.url = web.URL
	return c
}

func (c *collected) take(request *collector.ExportTraceServiceRequest) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, resource := range request.ResourceSpans {
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.name" {
				c.service = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// named returns the spans with a name, or all server spans for "".
func (c *collected) named(name string) []*spans.Span {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var found []*spans.Span
	for _, s := range c.spans {
		if s.Name == name || name == "" && s.Kind == spans.Span_SPAN_KIND_SERVER {
			found = append(found, s)
		}
	}
	return found
}

// byID returns a span, or nil.
func (c *collected) byID(id []byte) *spans.Span {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	for _, s := range c.spans {
		if string(s.SpanId) == string(id) {
			return s
		}
	}
	return nil
}

// attribute returns a text or number of a span, or "" or 0 if it has none.
func attribute(s *spans.Span, key string) (string, int64) {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue(), a.Value.GetIntValue()
		}
	}
	return "", 0
}

func traceID(s *spans.Span) string { return hex.EncodeToString(s.TraceId) }
