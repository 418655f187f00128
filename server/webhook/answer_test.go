package webhook_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/server/fetch"
	"upscaled/server/webhook"
)

// receiver takes calls one after the other and answers what is given for their
// paths. Where it is silent it then keeps the connection and says nothing more.
type receiver struct {
	net.Listener
	answers *sync.Map // of answers
}

type answer struct {
	bytes  []byte
	silent bool
}

func newReceiver(t testing.TB) receiver {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := receiver{listener, &sync.Map{}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := r.Accept()
			if err != nil {
				return
			}
			r.serve(c)
		}
	}()
	t.Cleanup(func() {
		_ = r.Close()
		<-ended
	})
	return r
}

func (r receiver) serve(c net.Conn) {
	defer c.Close()
	request, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, request.Body)
	given, _ := r.answers.LoadAndDelete(request.URL.Path)
	a, known := given.(answer)
	if !known {
		return // another try of the same call
	}
	_, _ = c.Write(a.bytes)
	if a.silent {
		_, _ = io.Copy(io.Discard, c) // until the caller has had enough
	}
}

// give sets the receiver's answer and returns its URL.
func (r receiver) give(path string, a answer) string {
	r.answers.Store(path, a)
	return "http://" + r.Addr().String() + path
}

// rules let plain HTTP to this machine.
func (r receiver) rules() fetch.Options {
	return fetch.Options{AllowHTTP: true, AllowedRanges: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
}

// statusOf is what an answer's bytes say, or 0 where they are no answer.
func statusOf(bytesOf []byte) int {
	from := bufio.NewReader(bytes.NewReader(bytesOf))
	for {
		response, err := http.ReadResponse(from, &http.Request{Method: http.MethodPost})
		if err != nil {
			return 0
		}
		if response.StatusCode/100 != 1 || response.StatusCode == http.StatusSwitchingProtocols {
			return response.StatusCode
		}
	}
}

// A receiver that switches protocols, which nobody asked for, gets a connection
// without an end: no call waits for what it says there.
func TestSwitchedProtocols(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	d := newDesk()
	start(t, d, r.rules(), io.Discard, func(o *webhook.Options) { o.AtOnce = 1 })
	url := r.give("/", answer{[]byte("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), true})
	if e := d.send(t, finished(url), 1); e.done || e.after != 5*time.Second {
		t.Errorf("%+v", e)
	}
}

// FuzzAnswer has receivers answer anything, and then close or fall silent.
// Every call ends once, in its time; only 2xx is taken for delivered, and no
// answer has it tried again sooner or more often.
func FuzzAnswer(f *testing.F) {
	for _, text := range []string{
		"", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nabc", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\n\r\n", "HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 410 Gone\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "HTTP/1.1 303 x\r\nLocation: ::\r\n\r\n", "HTTP/1.1 429 x\r\nRetry-After: 0\r\n\r\n", "HTTP/1.1 503 x\r\nRetry-After: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nx", "HTTP/1.1 +20 x\r\n\r\n", "HTTP/9.9 200\r\n\r\n", "ICY 200 OK\r\n\r\n",
		"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n", "HTTP/1.1 401 x\r\nWWW-Authenticate: Negotiate\r\n\r\n", "\x00\x00\x00\x04\x00\x00\x00\x00\x00",
	} {
		f.Add([]byte(text), uint8(1), false)
		f.Add([]byte(text), uint8(6), true)
	}
	r := newReceiver(f)
	senders := map[bool]desk{}
	for silent, limit := range map[bool]time.Duration{false: patience, true: 20 * time.Millisecond} {
		senders[silent] = newDesk()
		start(f, senders[silent], r.rules(), io.Discard, func(o *webhook.Options) { o.AtOnce, o.Timeout = 1, limit })
	}
	var calls atomic.Int64
	f.Fuzz(func(t *testing.T, text []byte, try uint8, silent bool) {
		text = text[:min(len(text), 16<<10)]
		url := r.give(fmt.Sprint("/", calls.Add(1)), answer{text, silent})
		got := senders[silent].send(t, finished(url), int(try))
		status := statusOf(text)
		delivered, last := status/100 == 2, status == http.StatusGone || try > 5
		switch want := (end{id: "up_1", done: true}); {
		case silent && !last && got != want: // a machine under load may have been too slow
			if got.done || got.after < 5*time.Second {
				t.Fatalf("%q, try %d: %+v", text, try, got)
			}
		case got.done != (delivered || last):
			t.Fatalf("%q, try %d, status %d: %+v", text, try, status, got)
		case !got.done && got.after != []time.Duration{5, 5, 30, 120, 600, 2700}[try]*time.Second:
			t.Fatalf("%q, try %d: again after %v", text, try, got.after)
		}
	})
}
