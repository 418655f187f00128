package server_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A few ranges of a file are served, many are not: the answer is the whole file.
func TestRanges(t *testing.T) {
	t.Parallel()
	handler, _, _, _, _ := observed(t)
	get := func(ranges string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/openapi.json", nil)
		if ranges != "" {
			r.Header.Set("Range", ranges)
		}
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		return answer
	}
	whole := get("").Body.String()
	if four := get("bytes=0-0,2-2,4-4,6-6"); four.Code != http.StatusPartialContent || four.Body.Len() > 2048 {
		t.Errorf("4 ranges: %d, %d bytes", four.Code, four.Body.Len())
	}
	for _, ranges := range []string{"0-0,2-2,4-4,6-6,8-8", strings.Repeat("0-0,", 14_000) + "1-1"} {
		if many := get("bytes=" + ranges); many.Code != http.StatusOK || many.Body.String() != whole {
			t.Errorf("%d bytes of ranges: %d, %d bytes", len(ranges), many.Code, many.Body.Len())
		}
	}
}
