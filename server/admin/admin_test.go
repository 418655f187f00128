package admin_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"upscaled/models/fault"
	"upscaled/server/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func TestMetricsPort(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	unready := errors.New("the model is loading")
	answers := make(chan error, 2)
	answers <- unready
	answers <- nil
	counts := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "count 1\n") })
	port, err := admin.Listen("127.0.0.1:0", "metrics-listen", admin.Metrics(counts, func(context.Context) error { return <-answers }), log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- port.Run(ctx) }()
	base := "http://" + port.Address().String()
	for _, want := range []struct {
		path string
		code int
		text string
	}{
		{"/metrics", 200, "count 1"}, {"/healthz", 200, `"ok"`}, {"/readyz", 503, unready.Error()}, {"/readyz", 200, `"ok"`},
		{"/debug/pprof/", 404, ""},
	} {
		if code, body := get(t, base+want.path); code != want.code || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d %s", want.path, code, body)
		}
	}
	if _, err := admin.Listen(port.Address().String(), "metrics-listen", counts, log); fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), "--metrics-listen") {
		t.Errorf("the port twice: %v", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(base + "/healthz"); err == nil {
		t.Error("the port is still open")
	}
}

// Two servers of profiles may be in one process: nothing is global.
func TestProfiles(t *testing.T) {
	t.Parallel()
	for range 2 {
		port, err := admin.Listen("127.0.0.1:0", "pprof-listen", admin.Profiles(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- port.Run(ctx) }()
		if code, body := get(t, "http://"+port.Address().String()+"/debug/pprof/heap?debug=1"); code != 200 || !strings.Contains(body, "heap profile") {
			t.Errorf("%d %.100s", code, body)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:0": true, "[::1]:1": true, "localhost:1": true,
		"0.0.0.0:1": false, ":1": false, "[::]:1": false, "192.0.2.1:1": false, "example.com:1": false, "localhost": false, "": false,
	} {
		if got := admin.IsLoopback(address); got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}
