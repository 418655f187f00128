package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// answering is a server that answers /readyz only.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/prefix/readyz" && r.URL.Path != "/readyz" {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestHealth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   string
		code   int
		says   string
	}{
		"ready":           {http.StatusOK, `{"status":"ok"}`, exitOK, "ready\n"},
		"models load":     {http.StatusServiceUnavailable, `{"reason":"the model is loading"}`, exitFailed, "not ready: the model is loading\n"},
		"something else":  {http.StatusBadGateway, "<html>", exitFailed, "not ready: 502 Bad Gateway\n"},
		"body without it": {http.StatusServiceUnavailable, `{}`, exitFailed, "not ready: 503 Service Unavailable\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := answering(t, c.status, c.body)
			if got := program(t, &fakeUpscaler{}, nil, nil, "health", "--url", url+"/prefix/"); got.code != c.code || got.stdout != c.says {
				t.Errorf("%d %q %q", got.code, got.stdout, got.stderr)
			}
		})
	}
}

// Without --url, the address of serve's own setting is asked.
func TestHealthOfThisMachine(t *testing.T) {
	t.Parallel()
	_, port, _ := strings.Cut(strings.TrimPrefix(answering(t, http.StatusOK, "{}"), "http://"), ":")
	file := filepath.Join(t.TempDir(), "upscaled.toml")
	if err := os.WriteFile(file, []byte("listen = \"127.0.0.1:"+port+"\"\n[queue]\nattempts = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, environment := range []map[string]string{{"UPSCALED_LISTEN": "0.0.0.0:" + port}, {"UPSCALED_CONFIG": file}} {
		if got := program(t, &fakeUpscaler{}, environment, nil, "health"); got.code != exitOK {
			t.Errorf("%v: %d %s", environment, got.code, got.stderr)
		}
	}
}

// A server of this machine that speaks https is asked so; one elsewhere has to
// have a certificate to be believed.
func TestHealthOfHTTPS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	if got := program(t, &fakeUpscaler{}, nil, nil, "health", "--listen", server.Listener.Addr().String()); got.code != exitOK {
		t.Errorf("%d %s %s", got.code, got.stdout, got.stderr)
	}
	if got := program(t, &fakeUpscaler{}, nil, nil, "health", "--url", server.URL); got.code != exitFailed {
		t.Errorf("a certificate of nobody is believed: %d %s", got.code, got.stdout)
	}
}

func TestHealthOfNothing(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // its port answers no more
	got := program(t, &fakeUpscaler{}, nil, nil, "health", "--url", server.URL)
	if got.code != exitFailed || !strings.Contains(got.stderr, "Nothing answers at "+server.URL) {
		t.Errorf("%d %q", got.code, got.stderr)
	}
	for _, wrong := range [][]string{{"--url", "example.com"}, {"--url", "ftp://example.com"}, {"--listen", "8080"}} {
		if got := program(t, &fakeUpscaler{}, nil, nil, append([]string{"health"}, wrong...)...); got.code != exitUsage {
			t.Errorf("%v: %d %s", wrong, got.code, got.stderr)
		}
	}
}
