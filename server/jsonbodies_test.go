package server_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A body of many small values is refused by every API that takes JSON, with a
// short answer, before it is parsed.
func TestSmallBodiesOfManyValues(t *testing.T) {
	t.Parallel()
	handler, key, _, _, _ := observed(t)
	list := `{"imageList":[` + strings.Repeat("{},", 300_000) + `{}]}`
	object := `{"a":` + strings.Repeat(`1,"a":`, 200_000) + "1}"
	for _, path := range []string{
		"/v1/upscale", "/api/v1/jobs", "/v1/predictions", "/v1/models/nightmareai/real-esrgan/predictions",
		"/sdapi/v1/extra-single-image", "/sdapi/v1/extra-batch-images",
	} {
		for name, body := range map[string]string{"list": list, "object": object} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+key)
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, r)
			text := answer.Body.String()
			if answer.Code/100 != 4 || len(text) > 4096 || !strings.Contains(text, "10000 values") && !strings.Contains(text, "error parsing the body") {
				t.Errorf("%s, %s: %d %.500s", path, name, answer.Code, text)
			}
		}
	}
}

// A byte order mark before the JSON is no part of it.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	handler, key, _, _, _ := observed(t)
	r := httptest.NewRequest(http.MethodPost, "/v1/upscale", strings.NewReader("\ufeff{}"))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+key)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	if !strings.Contains(answer.Body.String(), "missing_image") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

// Bodies in gzip are as good as others; an unknown encoding is named.
func TestEncodedBodies(t *testing.T) {
	t.Parallel()
	handler, key, _, _, _ := observed(t)
	for encoding, want := range map[string]int{"gzip": http.StatusAccepted, "br": http.StatusUnsupportedMediaType} {
		r := submission(t, key)
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := io.Copy(w, r.Body); err != nil {
			t.Fatal(err)
		}
		_ = w.Close()
		r.Body, r.ContentLength = io.NopCloser(&packed), int64(packed.Len())
		r.Header.Set("Content-Encoding", encoding)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		if answer.Code != want || want != http.StatusAccepted && !strings.Contains(answer.Body.String(), encoding) {
			t.Errorf("%s: %d %s", encoding, answer.Code, answer.Body)
		}
	}
}
