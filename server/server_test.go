package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"upscaled/server"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job/jobtest"
)

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	good := server.Config{Listen: ":8080", WaitLimit: patience, Grace: time.Second, MaxPixels: 1, MaxSide: 1, APIs: server.DefaultAPIs()}
	if problems := good.Problems(); len(problems) > 0 {
		t.Errorf("a good one: %v", problems)
	}
	bad := server.Config{
		Listen: "8080", PublicURL: "example.com", TrustedProxies: []string{"proxy"}, FetchRanges: []string{"10.0.0.1"}, CORSOrigins: []string{"app.example"},
	}
	all := strings.Join(bad.Problems(), "\n")
	for _, flag := range []string{"--listen", "--public-url", "--trusted-proxies", "cors.origins", "fetch.ranges"} {
		if !strings.Contains(all, flag) {
			t.Errorf("nothing about %s in %s", flag, all)
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	for listen, open := range map[string]bool{
		"127.0.0.1:1": false, "[::1]:1": false, "localhost:1": false, ":1": true, "0.0.0.0:1": true, "192.0.2.1:1": true, "host:1": true,
	} {
		if got := (server.Config{Listen: listen}).Exposed(); got != open {
			t.Errorf("%s: open %v", listen, got)
		}
	}
}

// handler is a whole server without keys.
func handler(t *testing.T, change func(*server.Config)) http.Handler {
	t.Helper()
	return whole(t, change).Handler()
}

func whole(t *testing.T, change func(*server.Config)) *server.Server {
	t.Helper()
	return withQueue(t, succeeding(), change)
}

func withQueue(t *testing.T, queue *jobtest.Queue, change func(*server.Config)) *server.Server {
	t.Helper()
	config := server.Config{Listen: "127.0.0.1:0", WaitLimit: patience, Grace: time.Second, MaxPixels: 1_000_000, MaxSide: 1000, APIs: server.DefaultAPIs()}
	change(&config)
	made, err := server.New(context.Background(), config, server.Parts{
		Queue: queue, Auth: account.New(accounttest.NewMemory(), time.Now),
		Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Decoders: 1, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// Links to results begin with the public URL, else with the request's host;
// what a proxy adds is believed of trusted ones only.
func TestResultAddress(t *testing.T) {
	t.Parallel()
	forwarded := map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "front.example"}
	for name, c := range map[string]struct {
		change  func(*server.Config)
		headers map[string]string
		want    string
	}{
		"own host":    {func(*server.Config) {}, nil, "http://example.com/v1/files/"},
		"public":      {func(c *server.Config) { c.PublicURL = "https://public.example/" }, forwarded, "https://public.example/v1/files/"},
		"not trusted": {func(*server.Config) {}, forwarded, "http://example.com/v1/files/"},
		"trusted":     {func(c *server.Config) { c.TrustedProxies = []string{"192.0.2.0/24"} }, forwarded, "https://front.example/v1/files/"},
		"forged":      {func(c *server.Config) { c.TrustedProxies = []string{"192.0.2.1"} }, map[string]string{"X-Forwarded-Host": "a/b"}, "http://example.com/v1/files/"},
	} {
		request := dialecttest.Form(t, maskrUpscale, dialecttest.File("file", "a.png", dialecttest.PNG(t, 40, 30, false)))
		for header, value := range c.headers {
			request.Header.Set(header, value)
		}
		recorder := httptest.NewRecorder()
		handler(t, func(config *server.Config) {
			config.Listen, config.InsecureOpen = ":0", true // else it knows itself under no such name
			c.change(config)
		}).ServeHTTP(recorder, request)
		if body := recorder.Body.String(); !strings.Contains(body, `"output_url":"`+c.want) {
			t.Errorf("%s: no %s in %s", name, c.want, body)
		}
	}
}

func TestFilesAreServed(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(handler(t, func(*server.Config) {}))
	t.Cleanup(web.Close)
	request := dialecttest.Form(t, maskrUpscale, dialecttest.File("file", "a.png", dialecttest.PNG(t, 40, 30, false)))
	recorder := httptest.NewRecorder()
	request.Host = strings.TrimPrefix(web.URL, "http://")
	web.Config.Handler.ServeHTTP(recorder, request)
	_, link, _ := strings.Cut(recorder.Body.String(), `"output_url":"`)
	link, _, _ = strings.Cut(link, `"`)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r, err := http.NewRequest(method, link, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "image/jpeg" || response.Header.Get("ETag") == "" ||
			(method == http.MethodGet) != (string(body) == "picture") {
			t.Errorf("%s: %d %v %q", method, response.StatusCode, response.Header, body)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	h := handler(t, func(*server.Config) {})
	for given, kept := range map[string]bool{"abc-1.2_3": true, "": false, "a b": false, "a\r\nb": false, strings.Repeat("a", 65): false} {
		r := httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.Header["X-Request-Id"] = []string{given}
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		got := recorder.Header().Get("X-Request-Id")
		if got == "" || (got == given) != kept {
			t.Errorf("%q became %q", given, got)
		}
	}
}

// A client that sends a large body with a wrong key, and reads only then, sees
// the answer.
func TestRefusedUploadIsAnswered(t *testing.T) {
	t.Parallel()
	s := open(t, succeeding(), nil)
	connection, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	body := make([]byte, 20<<20)
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: %d\r\n\r\n", maskrUpscale, len(body))
	if _, err := connection.Write(body); err != nil {
		t.Fatalf("the server hung up: %v", err)
	}
	answer := make([]byte, 12)
	if _, err := io.ReadFull(connection, answer); err != nil || string(answer) != "HTTP/1.1 401" {
		t.Errorf("%q, %v", answer, err)
	}
}
