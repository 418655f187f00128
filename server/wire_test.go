package server_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"upscaled/server"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
	"upscaled/server/job"
)

// seen records every handled request.
type seen struct {
	mutex sync.Mutex
	paths []string
}

func (s *seen) RequestBegins(r *http.Request, _ string) (context.Context, func(server.RequestEnd)) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.paths = append(s.paths, r.URL.Path)
	return r.Context(), func(server.RequestEnd) {}
}

func (s *seen) JobSubmits(ctx context.Context, _ *job.Spec) (context.Context, func(job.Submitted, error)) {
	return ctx, func(job.Submitted, error) {}
}

func (s *seen) has(path string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Contains(s.paths, path)
}

// exposed is a server on a socket, that says what it was asked.
func exposed(t *testing.T, change func(*server.Config)) (net.Addr, *seen) {
	t.Helper()
	config := server.Config{Listen: "127.0.0.1:0", WaitLimit: patience, Grace: time.Second, MaxPixels: 1_000_000, MaxSide: 1000, APIs: server.DefaultAPIs()}
	change(&config)
	noted := &seen{}
	s, err := server.New(context.Background(), config, server.Parts{
		Queue: succeeding(), Auth: account.New(accounttest.NewMemory(), time.Now), Observers: []server.Observer{noted},
		Secrets: [][]byte{bytes.Repeat([]byte{1}, 32)}, Decoders: 1, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return listening(t, s), noted
}

// patience limits what must come: it only keeps a test that hangs from taking
// all of go test's time.
const patience = 5 * time.Minute

// exchange sends bytes and returns the response until the server closes;
// open says that it did not within the time.
func exchange(t *testing.T, address net.Addr, raw string) (answer string, open bool) {
	t.Helper()
	c, err := net.Dial("tcp", address.String())
	if err != nil {
		t.Error(err)
		return "", false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, raw) // it may be cut before its end
	text, err := io.ReadAll(c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return string(text), true
	}
	return string(text), false
}

// smuggled is a request that has to stay part of another's body, or nothing.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

// A request that proxies and servers could parse differently is rejected, or its
// connection ends before anything behind it is read.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	address, noted := exposed(t, func(*server.Config) {})
	var asking sync.WaitGroup
	post := func(headers string) string {
		return "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n"
	}
	for name, c := range map[string]struct {
		raw    string
		status []int
	}{
		"length and chunks":        {post(fmt.Sprintf("Content-Length: %d\r\nTransfer-Encoding: chunked\r\n", 5+len(smuggled))) + "0\r\n\r\n" + smuggled, []int{400, 415}},
		"chunks and length":        {post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n") + "0\r\n\r\n" + smuggled, []int{400, 415}},
		"chunks alone":             {post("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n" + smuggled, []int{415}},
		"folded chunks":            {post("Transfer-Encoding:\r\n chunked\r\n") + "0\r\n\r\n" + smuggled, []int{400, 415}},
		"two lengths":              {post("Content-Length: 0\r\nContent-Length: 36\r\n") + smuggled, []int{400}},
		"two lengths in one":       {post("Content-Length: 0, 36\r\n") + smuggled, []int{400}},
		"negative length":          {post("Content-Length: -1\r\n") + smuggled, []int{400}},
		"signed length":            {post("Content-Length: +0\r\n") + smuggled, []int{400}},
		"hexadecimal length":       {post("Content-Length: 0x0\r\n") + smuggled, []int{400}},
		"length too long":          {post("Content-Length: 99999999999999999999\r\n") + smuggled, []int{400}},
		"space before the colon":   {post("Content-Length : 0\r\n") + smuggled, []int{400}},
		"tab before the colon":     {post("Transfer-Encoding\t: chunked\r\n") + smuggled, []int{400}},
		"line folded at first":     {"POST /api/v1/jobs HTTP/1.1\r\n Host: localhost\r\n\r\n" + smuggled, []int{400}},
		"unknown coding":           {post("Transfer-Encoding: xchunked\r\n") + smuggled, []int{501}},
		"coding after chunks":      {post("Transfer-Encoding: chunked, identity\r\n") + smuggled, []int{501}},
		"chunks twice":             {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") + smuggled, []int{400, 501}},
		"hidden coding":            {post("Transfer-Encoding: \x0bchunked\r\n") + smuggled, []int{400, 501}},
		"chunk of no number":       {post("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") + "zz\r\n" + smuggled, []int{400}},
		"negative chunk":           {post("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") + "-1\r\n" + smuggled, []int{400}},
		"chunk beyond 64 bits":     {post("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") + "fffffffffffffffff\r\n" + smuggled, []int{400}},
		"chunk longer than told":   {post("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n") + "1\r\nabc\r\n0\r\n\r\n" + smuggled, []int{400}},
		"zero in a header":         {post("X-A: a\x00b\r\n") + smuggled, []int{400}},
		"carriage return within":   {post("X-A: a\rContent-Length: 0\r\n") + smuggled, []int{400}},
		"no host":                  {"POST /api/v1/jobs HTTP/1.1\r\n\r\n" + smuggled, []int{400}},
		"two hosts":                {"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nHost: 127.0.0.1\r\n\r\n" + smuggled, []int{400}},
		"a path for a host":        {"POST /api/v1/jobs HTTP/1.1\r\nHost: x/y z\r\n\r\n" + smuggled, []int{400}},
		"a space in the path":      {"POST /api/v1/jobs /x HTTP/1.1\r\nHost: localhost\r\n\r\n" + smuggled, []int{400}},
		"no version":               {"POST /api/v1/jobs\r\n\r\n" + smuggled, []int{400}},
		"another version":          {"POST /api/v1/jobs HTTP/3.0\r\nHost: localhost\r\n\r\n" + smuggled, []int{505}},
		"unencrypted HTTP/2":       {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smuggled, []int{404}},
		"expects the impossible":   {post("Content-Length: 0\r\nExpect: a-miracle\r\n") + smuggled, []int{417}},
		"header without end":       {"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-A: " + strings.Repeat("a", 200<<10), []int{431}},
		"headers without end":      {"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X-A: a\r\n", 30<<10), []int{431}},
		"request line without end": {"POST /" + strings.Repeat("a", 200<<10), []int{431}},
		"encrypted":                {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 40) + "\r\n\r\n", []int{400}},
	} {
		asking.Go(func() {
			answer, open := exchange(t, address, c.raw)
			var status int
			_, _ = fmt.Sscanf(answer, "HTTP/1.1 %d", &status)
			if !slices.Contains(c.status, status) || open || strings.Count(answer, "HTTP/1.1 ") != 1 {
				t.Errorf("%s: still open %v, want one of %v:\n%.300s", name, open, c.status, answer)
			}
		})
	}
	asking.Wait()
	if noted.has("/smuggled") {
		t.Error("a smuggled request was answered")
	}
}

// Pipelined requests are all answered, in order.
func TestPipelining(t *testing.T) {
	t.Parallel()
	address, _ := exposed(t, func(*server.Config) {})
	const many = 200
	c, err := net.Dial("tcp", address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	var raw strings.Builder
	for i := range many {
		fmt.Fprintf(&raw, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: n%d\r\n\r\n", i)
	}
	var sending sync.WaitGroup
	sending.Go(func() { _, _ = io.WriteString(c, raw.String()) })
	in := bufio.NewReader(c)
	for i := range many {
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		if got := answer.Header.Get("X-Request-Id"); got != fmt.Sprintf("n%d", i) {
			t.Fatalf("answer %d is that of %s", i, got)
		}
	}
	sending.Wait()
}

// stall is a limit of clients' pauses that handshakes and requests keep even on a
// busy machine.
const stall = 2 * time.Second

// A client that sends its header, its body or nothing at all too slowly loses
// its connection, while others are served.
func TestSlowloris(t *testing.T) {
	t.Parallel()
	address, noted := exposed(t, func(c *server.Config) { c.StallLimit, c.MinRate = stall, 1<<20 })
	upload := "POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
	var exchanges sync.WaitGroup
	for name, c := range map[string]struct {
		raw    string
		status string
	}{
		"half a header": {"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: a", ""},
		"no header":     {"", ""},
		"half a body":   {upload + "Content-Length: 1000000\r\n\r\n--x\r\n", "HTTP/1.1 400"},
		"half a chunk":  {upload + "Transfer-Encoding: chunked\r\n\r\nffff\r\n--x\r\n", "HTTP/1.1 400"},
		"no last chunk": {upload + "Transfer-Encoding: chunked\r\n\r\n7\r\n--x--\r\n\r\n", "HTTP/1.1 400"},
	} {
		exchanges.Go(func() {
			answer, open := exchange(t, address, c.raw)
			if open || !strings.HasPrefix(answer, c.status) || c.status == "" && strings.Contains(answer, "200") {
				t.Errorf("%s: still open %v, answered %.100q", name, open, answer)
			}
			if c.status != "" && !strings.Contains(answer, "too slow") {
				t.Errorf("%s: %q", name, answer)
			}
		})
	}
	exchanges.Wait()
	if !noted.has("/api/v1/jobs") {
		t.Error("no upload was begun")
	}
}
