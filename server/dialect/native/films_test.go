package native_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/dialect/dialecttest"
	"upscaled/server/job"
)

// films is a validator for which every file is a film of 100 frames of 1000x500 pixels.
type films struct {
	seen []byte
	err  error
}

func (f *films) ValidateFilm(_ context.Context, path string, _ job.Options) (info job.InputInfo, err error) {
	if f.seen, err = os.ReadFile(path); err != nil {
		return info, err
	}
	return job.InputInfo{Format: "mkv", Width: 1000, Height: 500, Frames: 100}, f.err
}

func (f *films) TakesFilms() bool { return f.err == nil }

// The size of films is stated while they can be taken.
func TestFilmBytes(t *testing.T) {
	t.Parallel()
	s, f := newServer(), &films{}
	s.parts.Films, s.config.FilmBytes = f, 123456
	if body := s.get("/api/v1/system").Body.String(); !strings.Contains(body, `"film_bytes":123456`) {
		t.Error(body)
	}
	f.err = fault.New(fault.Unsupported, "There is no ffmpeg.")
	if body := s.get("/api/v1/system").Body.String(); strings.Contains(body, "film_bytes") {
		t.Error(body)
	}
}

// A film becomes one job with a price by its pixels. Its file is gone afterwards.
func TestFilms(t *testing.T) {
	t.Parallel()
	movie := append([]byte("\x1a\x45\xdf\xa3"), bytes.Repeat([]byte("film"), 300_000)...)
	s, f := newServer(), &films{}
	folder := t.TempDir()
	s.parts.Films, s.parts.Scratch = f, func() (*os.File, error) { return os.CreateTemp(folder, "") }
	s.config.MaxBytes, s.config.FilmBytes, s.config.FilmPrice = 1000, 2<<20, 3
	submit := func(fields ...dialecttest.Part) (int, string) {
		got := s.do(dialecttest.Form(t, "/api/v1/jobs", append(fields, dialecttest.File("file", "a.MKV", movie))...))
		return got.Code, got.Body.String()
	}
	if code, body := submit(dialecttest.Field("crf", "0"), dialecttest.Field("to", "2.5")); code != 202 || !strings.Contains(body, `"frames":100`) || !strings.Contains(body, `"crf":0`) {
		t.Fatalf("%d %s", code, body)
	}
	j := s.queue.Jobs()[0]
	o := j.Options.Film
	if j.Price != 150 || j.Options.Format != "mkv" || o == nil || o.Frames != 100 || o.To != 2.5 || *o.Quality != 0 || j.Options.Model == "" {
		t.Errorf("%+v %+v", j.Spec, o)
	}
	if !bytes.Equal(f.seen, movie) {
		t.Errorf("the film that was checked has %d bytes", len(f.seen))
	}
	f.err = fault.New(fault.Invalid, "It is damaged.")
	for _, c := range []struct {
		want   string
		change func()
	}{
		{"It is damaged.", func() {}},
		{"larger than 1000 bytes", func() { s.config.FilmBytes = 1000 }},
		{"100 frames; at most 9", func() { s.config.FilmBytes, s.config.FilmFrames, f.err = 2<<20, 9, nil }},
		{"1000x500 pixels, more than", func() { s.config.FilmFrames, s.config.MaxSide = 100, 999 }},
		{"takes no films, only images", func() { s.config.MaxBytes, s.parts.Films = 2<<20, nil }},
	} {
		c.change()
		if code, body := submit(); code < 400 || !strings.Contains(body, c.want) {
			t.Errorf("%s: %d %s", c.want, code, body)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}
