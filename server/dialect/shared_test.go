package dialect_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/dialect"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

func TestPreferredWait(t *testing.T) {
	t.Parallel()
	for preference, want := range map[string]time.Duration{
		"": -1, "respond-async": -1, "wait=x": -1, "wait=-1": -1, "waiting=5": -1,
		"wait": time.Minute, "WAIT=5": 5 * time.Second, `wait="7"`: 7 * time.Second, "wait=0": 0, "wait=600": time.Minute,
		"respond-async, wait=9; foo": 9 * time.Second, "wait=x, wait=3": 3 * time.Second,
	} {
		wait, given := dialect.PreferredWait(http.Header{"Prefer": {preference}}, time.Minute)
		if given != (want >= 0) || given && wait != want {
			t.Errorf("%q: %v, %t", preference, wait, given)
		}
	}
}

func TestInspectLimits(t *testing.T) {
	t.Parallel()
	s, image := dialecttest.Services(&jobtest.Queue{}, dialecttest.Auth{}), dialecttest.PNG(t, 40, 30, true)
	for _, limits := range []dialect.Config{{}, {MaxPixels: 1200, MaxSide: 40}} {
		info, err := s.Inspect(t.Context(), image, limits)
		if err != nil || info.Width != 40 || info.Height != 30 || !info.Alpha || info.Channels != 3 || info.Depth != 8 {
			t.Errorf("%+v: %+v, %v", limits, info, err)
		}
	}
	for limits, want := range map[dialect.Config]dialect.InputTooLarge{
		{MaxPixels: 1199}: {Size: 1200, Limit: 1199}, {MaxSide: 39, MaxPixels: 1}: {Size: 40, Limit: 39, Side: true},
	} {
		info, err := s.Inspect(t.Context(), image, limits)
		var exceeded *dialect.InputTooLarge
		if fault.KindOf(err) != fault.TooLarge || !errors.As(err, &exceeded) || *exceeded != want || info.Format != "png" {
			t.Errorf("%+v: %+v, %v", limits, info, err)
		}
	}
}

// late is a queue whose job succeeds just when nobody waits for it any more.
type late struct{ *jobtest.Queue }

func (q late) Cancel(_ context.Context, id string) error {
	q.Finish(id, jobtest.Outcome{Result: &job.Result{Format: "png"}})
	return nil
}

func TestRunSync(t *testing.T) {
	t.Parallel()
	q := &jobtest.Queue{}
	s := dialecttest.Services(q, dialecttest.Auth{})
	s.WaitLimit = time.Millisecond
	j, err := s.RunSync(t.Context(), job.Spec{ID: "a"}, nil)
	if err != nil || j.State.Final() || !j.Sync || state(t, q, "a") != job.Canceled {
		t.Errorf("%q, %v, then %q", j.State, err, state(t, q, "a"))
	}
	s.Queue = late{q}
	if j, err := s.RunSync(t.Context(), job.Spec{ID: "b"}, nil); err != nil || j.State != job.Succeeded {
		t.Errorf("a job that was paid for: %q, %v", j.State, err)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	fetched := fetcher{data: []byte("12345")}
	for reference, want := range map[string]string{"data:image/png;base64,AAAA": "\x00\x00\x00", "https://images.example/a.png": "12345"} {
		if got, err := dialect.Load(t.Context(), fetched, reference, 5); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", reference, got, err)
		}
		if _, err := dialect.Load(t.Context(), fetched, reference, 2); fault.KindOf(err) != fault.TooLarge {
			t.Errorf("%s over the limit: %v", reference, err)
		}
	}
	for reference, want := range map[string]string{
		"https://images.example/a/b%20c.png?x": "b c.png", "https://images.example/": "", "https://images.example": "", "data:image/png;base64,AA": "", "%": "",
	} {
		if got := dialect.NameOf(reference); got != want {
			t.Errorf("%s: %q", reference, got)
		}
	}
}

type fetcher struct{ data []byte }

func (f fetcher) Fetch(context.Context, string) ([]byte, error) { return f.data, nil }

// cutOff is a queue whose images end before their time.
type cutOff struct{ *jobtest.Queue }

func (q cutOff) Open(context.Context, string) (io.ReadSeekCloser, job.Job, error) {
	return struct {
		io.Reader
		io.Seeker
		io.Closer
	}{io.MultiReader(strings.NewReader(strings.Repeat("x", 10_000)), iotest.ErrReader(errors.New("the disk is gone"))), nil, io.NopCloser(nil)}, job.Job{}, nil
}

// A body with an image has its length, so that clients notice one that was cut
// off, and holds the image exactly.
func TestJSONWithImage(t *testing.T) {
	t.Parallel()
	whole := &jobtest.Queue{}
	if _, err := whole.Submit(t.Context(), job.Spec{ID: "a"}, nil); err != nil {
		t.Fatal(err)
	}
	image := strings.Repeat("picture", 9999)
	whole.Finish("a", jobtest.Outcome{Picture: []byte(image), Result: &job.Result{Format: "png"}})
	for queue, want := range map[job.Queue]error{job.Queue(whole): nil, cutOff{whole}: io.ErrUnexpectedEOF} {
		e := echo.New()
		e.GET("/", func(c echo.Context) error {
			j := job.Job{Spec: job.Spec{ID: "a"}, Result: &job.Result{Bytes: int64(len(image))}}
			return dialecttest.Services(queue, dialecttest.Auth{}).JSONWithImage(c, http.StatusOK, j, func(base64 string) any {
				return map[string]string{"a": "<", "image": "data:" + base64, "z": "z"}
			})
		})
		web := httptest.NewServer(e)
		t.Cleanup(web.Close)
		answer, err := http.Get(web.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		wanted := `{"a":"<","image":"data:` + base64.StdEncoding.EncodeToString([]byte(image)) + `","z":"z"}` + "\n"
		if !errors.Is(err, want) || want == nil && string(body) != wanted {
			t.Errorf("%v, want %v, with %d bytes of %d", err, want, len(body), len(wanted))
		}
	}
}
