package limits_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"upscaled/server/limits"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// crowd is a server of few connections. Requests of /hold last until the
// returned function is called.
func crowd(t *testing.T, most int) (connections *limits.Connections, address string, holding <-chan struct{}, release context.CancelFunc) {
	t.Helper()
	connections = limits.NewConnections(most)
	held, release := context.WithCancel(context.Background())
	begun := make(chan struct{}, 100)
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			begun <- struct{}{}
			<-held.Done()
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	web.Config.ConnState = connections.Note
	web.Start()
	t.Cleanup(func() { release(); web.Close() })
	return connections, web.Listener.Addr().String(), begun, release
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(5 * time.Minute))
	return c
}

func ask(t *testing.T, c net.Conn, path string) {
	t.Helper()
	if _, err := c.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
}

func status(c net.Conn) int {
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// Connections whose requests never end are the ones that go, the oldest first,
// so that there is always room for a client that asks for something.
func TestSlowConnectionsMakeRoom(t *testing.T) {
	t.Parallel()
	const most = 10
	connections, address, _, _ := crowd(t, most)
	good := dial(t, address)
	ask(t, good, "/")
	if got := status(good); got != http.StatusNoContent {
		t.Fatalf("status %d", got)
	}
	for range 5 * most {
		slow := dial(t, address)
		_, _ = slow.Write([]byte("GET / HTTP/1.1\r\nX-Slow: ")) // it may be gone already
	}
	late := dial(t, address)
	ask(t, late, "/")
	if got := status(late); got != http.StatusNoContent {
		t.Errorf("a client after the crowd: status %d", got)
	}
	if open := connections.Open(); open > most {
		t.Errorf("%d connections of %d", open, most)
	}
}

// Requests in progress continue; then the new connection is closed.
func TestAnswersAreNotCut(t *testing.T) {
	t.Parallel()
	const most = 3
	_, address, holding, release := crowd(t, most)
	var working []net.Conn
	for range most {
		c := dial(t, address)
		ask(t, c, "/hold")
		<-holding
		working = append(working, c)
	}
	late := dial(t, address)
	if _, err := late.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("one connection too many was kept")
	}
	release()
	for _, c := range working {
		if got := status(c); got != http.StatusNoContent {
			t.Errorf("status %d", got)
		}
	}
}
