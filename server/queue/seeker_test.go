package queue

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// silent is a stored object whose chunks stop coming after some bytes, as when
// the connection is lost: reads end at the context's deadline alone.
type silent struct {
	ctx  context.Context
	data *bytes.Reader
}

func (s *silent) Read(p []byte) (int, error) {
	if s.data.Len() > 0 {
		return s.data.Read(p)
	}
	deadline, _ := s.ctx.Deadline()
	time.Sleep(time.Until(deadline)) // of the test's own clock
	return 0, os.ErrDeadlineExceeded
}

func (s *silent) Close() error { return nil }

// A read that waits for the store ends when its caller goes, and when the store
// stays silent; until then slow answers are waited for.
func TestReadsEnd(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]bool{"caller goes": true, "store is silent": false} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			if leave {
				time.AfterFunc(10*time.Second, cancel)
			}
			s := &seeker{ctx: ctx, stop: cancel, size: 100, open: func(ctx context.Context) (io.ReadCloser, error) {
				return &silent{ctx, bytes.NewReader(make([]byte, 40))}, nil
			}}
			began := time.Now()
			got, err := io.ReadAll(s)
			took := time.Since(began)
			switch {
			case len(got) != 40 || err == nil:
				t.Errorf("%s: %d bytes, %v", name, len(got), err)
			case leave && (!errors.Is(err, context.Canceled) || took > 11*time.Second):
				t.Errorf("%s: %v after %v", name, err, took)
			case !leave && (took < readPatience || took > 2*readPatience):
				t.Errorf("%s: %v after %v", name, err, took)
			}
		})
	}
}

// slow is a stored object that gives a byte at every third deadline.
type slow struct {
	silent
	waits int
}

func (s *slow) Read(p []byte) (int, error) {
	if s.waits++; s.waits%3 == 0 {
		return s.data.Read(p[:1])
	}
	deadline, _ := s.ctx.Deadline()
	time.Sleep(time.Until(deadline))
	return 0, os.ErrDeadlineExceeded
}

// A client may take longer for a result than the library allows for a request
// without a deadline, which is five seconds, and so may the store.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		s := &seeker{ctx: ctx, stop: cancel, size: 20, open: func(ctx context.Context) (io.ReadCloser, error) {
			return &slow{silent: silent{ctx, bytes.NewReader(make([]byte, 20))}}, nil
		}}
		count := 0
		for buffer := make([]byte, 7); ; {
			n, err := s.Read(buffer)
			count += n
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Error(err)
				}
				break
			}
			time.Sleep(10 * time.Minute)
		}
		if count != 20 {
			t.Errorf("%d of 20 bytes", count)
		}
	})
}

// A question that is lost with a node of the store is asked again; one that is
// never answered ends.
func TestLostQuestion(t *testing.T) {
	t.Parallel()
	for lost, readable := range map[int]bool{2: true, 1000: false} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			asked := 0
			s := &seeker{ctx: ctx, stop: cancel, size: 20, open: func(ctx context.Context) (io.ReadCloser, error) {
				if asked++; asked <= lost {
					<-ctx.Done()
					return nil, ctx.Err()
				}
				return io.NopCloser(bytes.NewReader(make([]byte, 20))), nil
			}}
			began := time.Now()
			got, err := io.ReadAll(s)
			if (len(got) == 20 && err == nil) != readable || time.Since(began) > 2*readPatience {
				t.Errorf("%d lost: %d bytes, %v after %v", lost, len(got), err, time.Since(began))
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
