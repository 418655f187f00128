package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open returns the store of a server of its own, whose chunks are a kilobyte.
func open(t *testing.T, ttl time.Duration) *Store {
	t.Helper()
	node, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	node.Start()
	t.Cleanup(func() { node.Shutdown(); node.WaitForShutdown() })
	if !node.ReadyForConnections(time.Minute) {
		t.Fatal("the server does not start")
	}
	connection, err := nats.Connect("", nats.InProcessServer(node))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.Close)
	js, err := jetstream.New(connection)
	if err != nil {
		t.Fatal(err)
	}
	config := Config()
	config.MaxAge = ttl
	if _, err := js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), js)
	if err != nil {
		t.Fatal(err)
	}
	s.chunk = 1 << 10
	return s
}

// once makes every step once.
func once(ctx context.Context, step func(context.Context) error) error { return step(ctx) }

func get(t *testing.T, s *Store, name string) ([]byte, error) {
	t.Helper()
	r, err := s.Open(t.Context(), name, once)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// noise returns bytes of which no two chunks are equal.
func noise(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i>>8 ^ i*7)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	s := open(t, 0)
	sizes := []int{0, 1, 1023, 1024, 1025, 10 << 10, 1<<20 + 5}
	for _, size := range sizes {
		name := fmt.Sprintf("job-%d/input", size)
		for range 2 { // writing it again changes nothing
			if err := s.Put(t.Context(), name, bytes.NewReader(noise(size))); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := get(t, s, name); err != nil || !bytes.Equal(got, noise(size)) {
			t.Errorf("%d bytes: %d are read, %v", size, len(got), err)
		}
	}
	if names, err := s.Names(t.Context()); err != nil || len(names) != len(sizes) {
		t.Errorf("%v, %v", names, err)
	}
	for range 2 { // deleting it again is no error
		if err := s.Delete(t.Context(), "job-1048581/input"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := get(t, s, "job-1048581/input"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted blob: %v", err)
	}
	if names, _ := s.Names(t.Context()); len(names) != len(sizes)-1 {
		t.Errorf("chunks are left: %v", names)
	}
}

// The client library's object store leaves a goroutine behind for some of its writes,
// which is why this package does not use it.
func TestNoGoroutineIsLeft(t *testing.T) {
	s := open(t, 0)
	round := func(count int) int {
		for i := range count {
			name := fmt.Sprint("job-", i, "/input")
			if err := s.Put(t.Context(), name, bytes.NewReader(noise(i%3*2000))); err != nil {
				t.Fatal(err)
			}
			if _, err := get(t, s, name); err != nil {
				t.Fatal(err)
			}
			if err := s.Delete(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		return runtime.NumGoroutine()
	}
	before := round(10)
	if after := round(300); after > before+5 {
		t.Errorf("%d goroutines, %d before", after, before)
	}
}

// A blob is visible only once all of it is stored, and listed before that.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	s := open(t, 0)
	messages := chunks(t, s, Prefix+"job.input.", noise(5000))
	for _, m := range messages[1:] {
		if err := s.publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := get(t, s, "job/input"); !errors.Is(err, ErrNotFound) {
		t.Errorf("an incomplete blob: %v", err)
	}
	if names, err := s.Names(t.Context()); err != nil || !slices.Equal(names, []string{"job/input"}) {
		t.Errorf("%v, %v", names, err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Put(canceled, "never/input", bytes.NewReader(noise(5000))); !errors.Is(err, context.Canceled) {
		t.Errorf("stored within no time: %v", err)
	}
	if _, err := get(t, s, "never/input"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a blob that could not be stored: %v", err)
	}
}

// Whatever happens to a chunk is detected when it is read.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := open(t, 0)
	for name, c := range map[string]struct {
		index  int
		damage func(*nats.Msg)
	}{
		"changed byte":         {2, func(m *nats.Msg) { m.Data = slices.Clone(m.Data); m.Data[7] ^= 1 }},
		"truncated":            {2, func(m *nats.Msg) { m.Data = m.Data[:100] }},
		"truncated first":      {0, func(m *nats.Msg) { m.Data = m.Data[:100] }},
		"no digest":            {3, func(m *nats.Msg) { m.Header.Del(digestHeader) }},
		"no size":              {0, func(m *nats.Msg) { m.Header.Del(sizeHeader) }},
		"size below the chunk": {0, func(m *nats.Msg) { m.Header.Set(sizeHeader, "1000") }},
		"chunk of another": {2, func(m *nats.Msg) {
			*m = *chunks(t, s, "", bytes.Repeat([]byte("x"), 5000))[2]
			m.Subject = Prefix + "job.input.2"
		}},
		"chunk of another size": {4, func(m *nats.Msg) {
			identity := m.Header.Get(identityHeader)
			*m = *chunks(t, s, "", noise(5100))[4]
			m.Subject = Prefix + "job.input.4"
			m.Header.Set(identityHeader, identity)
		}},
	} {
		if err := s.Put(t.Context(), "job/input", bytes.NewReader(noise(5000))); err != nil {
			t.Fatal(err)
		}
		m := chunks(t, s, Prefix+"job.input.", noise(5000))[c.index]
		c.damage(m)
		if err := s.publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if _, err := get(t, s, "job/input"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := s.Put(t.Context(), "job/input", bytes.NewReader(noise(5000))); err != nil {
		t.Fatal(err)
	}
	if err := s.stream.Purge(t.Context(), jetstream.WithPurgeSubject(Prefix+"job.input.1")); err != nil {
		t.Fatal(err)
	}
	if _, err := get(t, s, "job/input"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a missing chunk: %v", err)
	}
}

// Names that would reach other subjects name nothing.
func TestForeignNames(t *testing.T) {
	t.Parallel()
	s := open(t, 0)
	if err := s.Put(t.Context(), "job/input", bytes.NewReader(noise(10))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "*", ">", "job/*", "job/>", "job", "/input", "job.input", "job/input ", "job/in\rput"} {
		if _, err := get(t, s, name); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q is read: %v", name, err)
		}
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if err := s.Put(t.Context(), name, bytes.NewReader(nil)); err == nil && name != "job" {
			t.Errorf("%q is stored", name)
		}
	}
	if _, err := get(t, s, "job/input"); err != nil {
		t.Error(err)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	s := open(t, time.Second)
	if err := s.Put(t.Context(), "job/input", bytes.NewReader(noise(5000))); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		names, err := s.Names(t.Context())
		if err == nil && len(names) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v are left, %v", names, err)
		}
	}
}

// chunks returns the messages of a blob.
func chunks(t *testing.T, s *Store, prefix string, data []byte) (all []*nats.Msg) {
	count, message, err := s.messages(prefix, bytes.NewReader(data))
	for i := 0; i < count && err == nil; i++ {
		var m *nats.Msg
		m, err = message(i)
		all = append(all, m)
	}
	if err != nil {
		t.Error(err)
	}
	return all
}

// pretend returns chunk messages of a blob without a server.
func pretend(t *testing.T, data []byte, chunk int) []*jetstream.RawStreamMsg {
	var all []*jetstream.RawStreamMsg
	for _, m := range chunks(t, &Store{chunk: chunk}, "", data) {
		all = append(all, &jetstream.RawStreamMsg{Data: m.Data, Header: m.Header})
	}
	return all
}

// Reads go on while answers are late or lost, and end with their context.
func TestLateAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost     int
		deadline time.Duration
		readable bool
	}{"some are lost": {2, time.Hour, true}, "all are lost": {1 << 30, time.Minute, false}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), c.deadline)
			defer cancel()
			retry := func(step func(context.Context) error) (err error) {
				for err = os.ErrDeadlineExceeded; err != nil && ctx.Err() == nil; {
					trying, stop := context.WithTimeout(ctx, time.Second)
					err = step(trying)
					stop()
				}
				return err
			}
			chunks, asked := pretend(t, noise(100), 30), 0
			r, err := newReader(func(index int) (m *jetstream.RawStreamMsg, err error) {
				err = retry(func(ctx context.Context) error {
					if asked++; index == 2 && asked <= c.lost+2 {
						<-ctx.Done()
						return ctx.Err()
					}
					m = chunks[index]
					return nil
				})
				return m, err
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if c.readable && (err != nil || !bytes.Equal(got, noise(100))) || !c.readable && (len(got) != 60 || !errors.Is(err, context.DeadlineExceeded)) {
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			}
		})
	}
}

// FuzzRange requests parts of a blob over HTTP by arbitrary headers: every
// answer is such a part.
func FuzzRange(f *testing.F) {
	whole := make([]byte, 300)
	for i := range whole {
		whole[i] = byte(i * 7)
	}
	for _, header := range []string{"bytes=0-", "bytes=10-19", "bytes=-5", "bytes=299-", "bytes=300-", "bytes=0-0,5-9,2-3", "bytes=9223372036854775807-", "bytes=5-2", "items=1-2"} {
		f.Add(header, `"job-1"`)
		f.Add(header, `W/"job-1"`)
	}
	chunks := pretend(nil, whole, 64)
	f.Fuzz(func(t *testing.T, ranges, ifRange string) {
		r, err := newReader(func(index int) (*jetstream.RawStreamMsg, error) { return chunks[index], nil })
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		request.Header["Range"], request.Header["If-Range"] = []string{ranges}, []string{ifRange}
		answer := httptest.NewRecorder()
		answer.Header().Set("ETag", `"job-1"`)
		answer.Header().Set("Content-Type", "image/png")
		http.ServeContent(answer, request, "", time.Unix(1_700_000_000, 0), r)
		body := answer.Body.Bytes()
		switch answer.Code {
		case http.StatusOK:
			if !bytes.Equal(body, whole) {
				t.Fatalf("%q: %d bytes", ranges, len(body))
			}
		case http.StatusPartialContent:
			if strings.HasPrefix(answer.Header().Get("Content-Type"), "multipart/") {
				if len(body) > 100*len(whole) {
					t.Fatalf("%q: %d bytes", ranges, len(body))
				}
			} else if !bytes.Contains(whole, body) {
				t.Fatalf("%q: %x", ranges, body)
			}
		case http.StatusRequestedRangeNotSatisfiable:
		default:
			t.Fatalf("%q: status %d", ranges, answer.Code)
		}
	})
}
