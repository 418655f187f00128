package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"upscaled/server"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
)

// wire is the client's end of an HTTP/2 connection, frame by frame.
type wire struct {
	*http2.Framer
	block   bytes.Buffer
	encoder *hpack.Encoder
	next    uint32
}

func dialHTTP2(t *testing.T, address net.Addr) *wire {
	t.Helper()
	c, err := tls.Dial("tcp", address.String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	w := &wire{Framer: http2.NewFramer(c, c), next: 1}
	w.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	w.encoder = hpack.NewEncoder(&w.block)
	if err := w.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return w
}

// encode returns a header block: names and values alternate.
func (w *wire) encode(fields ...string) []byte {
	w.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = w.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1], Sensitive: true}) // into memory
	}
	return w.block.Bytes()
}

// begin sends a request's header and returns its stream.
func (w *wire) begin(end bool, fields ...string) (uint32, error) {
	stream := w.next
	w.next += 2
	return stream, w.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: w.encode(fields...), EndStream: end, EndHeaders: true})
}

// status waits for an answer; "" is a connection that ended.
func (w *wire) status() string {
	for {
		frame, err := w.ReadFrame()
		if err != nil {
			return ""
		}
		if headers, ok := frame.(*http2.MetaHeadersFrame); ok {
			return headers.PseudoValue("status")
		}
	}
}

// pseudo are the fields that every request begins with.
func pseudo(method, path string) []string {
	return []string{":method", method, ":path", path, ":scheme", "https", ":authority", "localhost"}
}

func encrypted(t *testing.T, ready func(context.Context) error, change func(*server.Config)) net.Addr {
	t.Helper()
	certificate, key, _ := certificate(t)
	config := server.Config{
		Listen: "127.0.0.1:0", WaitLimit: patience, Grace: time.Second, MaxPixels: 1, MaxSide: 1, APIs: server.DefaultAPIs(),
		TLS: server.TLS{Certificate: certificate, Key: key},
	}
	change(&config)
	s, err := server.New(context.Background(), config, server.Parts{
		Queue: succeeding(), Auth: account.New(accounttest.NewMemory(), time.Now), Ready: ready,
		Secrets: [][]byte{bytes.Repeat([]byte{1}, 32)}, Decoders: 1, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return listening(t, s)
}

// gauge counts what is in work at once.
type gauge struct {
	mutex            sync.Mutex
	working, highest int
}

func (g *gauge) add(n int) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.working += n
	g.highest = max(g.highest, g.working)
}

// A client that begins requests and resets them at once (CVE-2023-44487) has a
// bounded number in work and then loses its connection.
func TestRapidReset(t *testing.T) {
	t.Parallel()
	const most = 100
	release := make(chan struct{})
	var requests gauge
	address := encrypted(t, func(context.Context) error {
		requests.add(1)
		<-release
		requests.add(-1)
		return nil
	}, func(*server.Config) {})
	w := dialHTTP2(t, address)
	ended := make(chan error, 1)
	go func() {
		var err error
		for err == nil {
			_, err = w.ReadFrame()
		}
		ended <- err
	}()
	for range 5000 {
		stream, err := w.begin(true, pseudo("GET", "/readyz")...)
		if err == nil {
			err = w.WriteRSTStream(stream, http2.ErrCodeCancel)
		}
		if err != nil {
			break // the server has had enough
		}
	}
	var timeout net.Error
	if err := <-ended; errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("the connection was kept")
	}
	close(release)
	requests.mutex.Lock()
	defer requests.mutex.Unlock()
	if requests.highest == 0 || requests.highest > most {
		t.Errorf("%d requests in work at once, want at most %d", requests.highest, most)
	}
}

// Uploads over HTTP/2 keep the pace as well, each stream for itself.
func TestSlowHTTP2Upload(t *testing.T) {
	t.Parallel()
	w := dialHTTP2(t, encrypted(t, nil, func(c *server.Config) { c.StallLimit, c.MinRate = stall, 1<<20 }))
	stream, err := w.begin(false, append(pseudo("POST", "/api/v1/jobs"), "content-type", "multipart/form-data; boundary=x")...)
	if err == nil {
		err = w.WriteData(stream, false, []byte("--x\r\n"))
	}
	if err != nil {
		t.Fatal(err)
	}
	if status := w.status(); status != "400" {
		t.Errorf("status %q", status)
	}
}

// An endless header is rejected.
func TestLargeHTTP2Header(t *testing.T) {
	t.Parallel()
	w := dialHTTP2(t, encrypted(t, nil, func(*server.Config) {}))
	fields := pseudo("GET", "/healthz")
	for range 200 {
		fields = append(fields, "x-a", strings.Repeat("a", 1000))
	}
	rest := w.encode(fields...)
	const frame = 16 << 10 // the longest that every server takes
	err := w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: rest[:frame], EndStream: true})
	for rest = rest[frame:]; err == nil && len(rest) > 0; {
		part := rest[:min(len(rest), frame)]
		rest = rest[len(part):]
		err = w.WriteContinuation(1, len(rest) == 0, part)
	}
	if status := w.status(); status != "431" && status != "" {
		t.Errorf("status %q", status)
	}
}
