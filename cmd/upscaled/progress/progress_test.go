package progress

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBarNeverIsWiderThanTheWindow(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Unix(0, 0)
		bar := &Bar{
			label: rapid.String().Draw(t, "label"),
			unit:  rapid.SampledFrom([]Unit{Share, Bytes}).Draw(t, "unit"),
			done:  rapid.Int64Range(0, 1<<40).Draw(t, "done"),
			total: rapid.Int64Range(0, 1<<40).Draw(t, "total"),
			start: start,
		}
		width := rapid.IntRange(0, 300).Draw(t, "width")
		elapsed := time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "elapsed"))
		line := bar.render(width, start.Add(elapsed), false)
		if n := utf8.RuneCountInString(line); n > width {
			t.Fatalf("%d columns in a window of %d: %q", n, width, line)
		}
	})
}

func TestBarShowsShareAndTimeLeft(t *testing.T) {
	t.Parallel()
	start := time.Unix(0, 0)
	bar := &Bar{label: "photo.jpg", unit: Share, done: 25, total: 100, start: start}
	line := bar.render(80, start.Add(10*time.Second), false)
	for _, want := range []string{"photo.jpg", "█", "25 %", "30 s left"} {
		if !strings.Contains(line, want) {
			t.Errorf("%q has no %q", line, want)
		}
	}
	if colored := bar.render(80, start, true); !strings.Contains(colored, "\x1b[32m") {
		t.Errorf("no color in %q", colored)
	}
}

func TestRemainingIsSilentWhenItWouldJump(t *testing.T) {
	t.Parallel()
	if _, known := remaining(1, 1000, 100*time.Millisecond); known {
		t.Error("a tenth of a second allows no estimate")
	}
	if left, known := remaining(500, 1000, time.Minute); !known || left != time.Minute {
		t.Errorf("half done after a minute leaves %v (known: %v)", left, known)
	}
	if _, known := remaining(1000, 1000, time.Minute); known {
		t.Error("nothing is left of finished work")
	}
}

func TestScreenKeepsPermanentLines(t *testing.T) {
	t.Parallel()
	var out syncBuffer
	screen := NewScreen(&out, func() int { return 60 }, false)
	bar := screen.Add("first", Bytes)
	bar.Set(500_000, 2_000_000)
	screen.Redraw()
	screen.Print("made one")
	bar.Label("second")
	screen.Redraw()
	bar.Remove()
	screen.Close()
	text := out.String()
	for _, want := range []string{"first", "500 kB of 2.0 MB", "made one\n", "second", "\x1b[1A\r\x1b[J"} {
		if !strings.Contains(text, want) {
			t.Errorf("the terminal got no %q: %q", want, text)
		}
	}
	if tail := text[strings.LastIndex(text, "\x1b[J"):]; strings.Contains(tail, "second") {
		t.Errorf("the bar stays after Close: %q", tail)
	}
}

func TestForPeople(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Size(999): "999 B", Size(64_200_000): "64.2 MB", Size(3_400): "3 kB", Size(2_500_000_000): "2.5 GB",
		Duration(400 * time.Millisecond): "0.4 s", Duration(59 * time.Second): "59 s",
		Duration(185 * time.Second): "3:05 min", Duration(130 * time.Minute): "2:10 h",
		shorten("abcdefghij", 7): "ab…ghij", shorten("abc", 3): "abc", shorten("abc", 0): "",
		Printable("a\x1b[31m\nb"): "a?[31m?b",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// syncBuffer is a buffer for concurrent writers.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"y\n": true, " Yes\n": true, "": false, "\n": false, "no\n": false, "yesterday\n": false} {
		var shown strings.Builder
		if got := Confirm(strings.NewReader(answer), &shown, "Sure?"); got != want || shown.String() != "Sure? [y/N] " {
			t.Errorf("%q is %v, shown %q", answer, got, &shown)
		}
	}
}
