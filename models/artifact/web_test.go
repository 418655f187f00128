package artifact

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"upscaled/models/fault"
)

var content = bytes.Repeat([]byte("weights "), 10_000)

func TestDownloadIsVerifiedAndWhole(t *testing.T) {
	t.Parallel()
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusFound)
			return
		}
		w.Write(content)
	})
	folder := t.TempDir()
	path := filepath.Join(folder, "deep", "file")
	var last Progress
	f := &Fetcher{Client: s.Client()}
	source := Source{URL: s.URL + "/old"}
	used, err := f.Fetch(t.Context(), []Item{{of("file", content, source), path}}, func(p Progress) { last = p })
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); !bytes.Equal(got, content) {
		t.Error("the file differs from what was served")
	}
	if len(used) != 1 || used[0] != source {
		t.Errorf("used %v", used)
	}
	if want := (Progress{"file", int64(len(content)), int64(len(content))}); last != want {
		t.Errorf("the last progress is %+v", last)
	}
	if got := files(t, folder); len(got) != 1 {
		t.Errorf("the folder holds %v", got)
	}
}

// TestBadSources: every source is tried in order, and the error has one line for
// each.
func TestBadSources(t *testing.T) {
	t.Parallel()
	changed := bytes.Clone(content)
	changed[5] ^= 1
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/missing":
			http.NotFound(w, r)
		case "/changed":
			w.Write(changed)
		case "/short":
			w.Write(content[:100])
		case "/long":
			w.Write(append(bytes.Clone(content), 0))
		case "/truncated":
			w.Header().Set("Content-Length", "80000")
			w.Write(content[:100])
		case "/downgrade":
			http.Redirect(w, r, "http://example.invalid/", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		}
	})
	client := newClient()
	client.Transport = s.Client().Transport
	for path, reason := range map[string]string{
		"/missing":   "404",
		"/changed":   "SHA-256",
		"/short":     "only 100 of 80000 bytes",
		"/long":      "more than the expected",
		"/truncated": "unexpected EOF",
		"/downgrade": "without https",
		"/loop":      "redirects more than",
	} {
		t.Run(path[1:], func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			a := of("file", content, Source{URL: s.URL + path}, Source{URL: "http://127.0.0.1/plain"})
			_, err := (&Fetcher{Client: client}).Fetch(t.Context(), []Item{{a, filepath.Join(folder, "file")}}, nil)
			var failures Failures
			if !errors.As(err, &failures) || len(failures) != 2 {
				t.Fatalf("the error is %v", err)
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != 2 || !strings.Contains(lines[0], path) || !strings.Contains(lines[0], reason) || !strings.Contains(lines[1], "only https") {
				t.Errorf("the error says\n%v", err)
			}
			wantNothing(t, folder)
		})
	}
}

func TestNextSourceServes(t *testing.T) {
	t.Parallel()
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/good" {
			w.Write(content)
		} else {
			w.Write([]byte("a login page"))
		}
	})
	path := filepath.Join(t.TempDir(), "file")
	a := of("file", content, Source{URL: s.URL + "/bad"}, Source{URL: s.URL + "/good"})
	used, err := (&Fetcher{Client: s.Client()}).Fetch(t.Context(), []Item{{a, path}}, nil)
	if err != nil || used[0] != a.Sources[1] {
		t.Fatalf("used %v, error %v", used, err)
	}
}

func TestCancelLeavesNothing(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "80000")
		w.Write(content[:1000])
		w.(http.Flusher).Flush()
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	a := of("file", content, Source{URL: s.URL}, Source{URL: s.URL})
	_, err := (&Fetcher{Client: s.Client()}).Fetch(ctx, []Item{{a, filepath.Join(folder, "file")}}, func(p Progress) { cancel() })
	if fault.KindOf(err) != fault.Canceled {
		t.Errorf("the error is %v", err)
	}
	wantNothing(t, folder)
}

func TestUnwritableDestination(t *testing.T) {
	t.Parallel()
	s := server(t, func(w http.ResponseWriter, _ *http.Request) { w.Write(content) })
	folder := t.TempDir()
	obstacle := filepath.Join(folder, "obstacle")
	if err := os.WriteFile(obstacle, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := of("file", content, Source{URL: s.URL}, Source{URL: s.URL})
	_, err := (&Fetcher{Client: s.Client()}).Fetch(t.Context(), []Item{{a, filepath.Join(obstacle, "file")}}, nil)
	if fault.KindOf(err) != fault.Internal || !strings.Contains(fault.Sentence(err), "cannot be stored") {
		t.Errorf("the error is %v", err)
	}
}
