package progress

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Unit is the unit of a bar's numbers.
type Unit int

const (
	// Share is shown as a percentage.
	Share Unit = iota
	// Bytes are shown with their amount.
	Bytes
)

// Bar is one line of a Screen.
type Bar struct {
	screen *Screen
	label  string
	unit   Unit
	start  time.Time
	// done and total are guarded by screen.mu; total 0 means unknown.
	done, total int64
}

// Set sets the progress.
func (b *Bar) Set(done, total int64) {
	b.screen.mu.Lock()
	defer b.screen.mu.Unlock()
	b.done, b.total = done, total
}

// Label replaces the text before the bar.
func (b *Bar) Label(label string) {
	b.screen.mu.Lock()
	defer b.screen.mu.Unlock()
	b.label = label
}

// Remove removes the bar at the next redraw.
func (b *Bar) Remove() {
	b.screen.mu.Lock()
	defer b.screen.mu.Unlock()
	b.screen.bars = slices.DeleteFunc(b.screen.bars, func(other *Bar) bool { return other == b })
}

// Widths in columns.
const (
	labelShare = 3 // the label gets at most 1/labelShare of the window
	maxBar     = 40
	minBar     = 8
)

// render returns the bar in at most width columns.
func (b *Bar) render(width int, now time.Time, color bool) string {
	if width < 1 {
		return ""
	}
	label := shorten(Printable(b.label), max(width/labelShare, 12))
	tail := b.tail(now)
	room := min(width-utf8.RuneCountInString(label)-len(tail)-4, maxBar)
	if room < minBar || b.total <= 0 {
		return shorten(label+"  "+tail, width)
	}
	filled := int(int64(room) * min(max(b.done, 0), b.total) / b.total)
	full, empty := strings.Repeat("█", filled), strings.Repeat("░", room-filled)
	if color {
		full = "\x1b[32m" + full + "\x1b[0m"
	}
	return label + "  " + full + empty + "  " + tail
}

// tail returns the text right of the bar: percentage or bytes, and the time left.
func (b *Bar) tail(now time.Time) string {
	amount := ""
	switch {
	case b.unit == Bytes && b.total > 0:
		amount = fmt.Sprintf("%s of %s", Size(b.done), Size(b.total))
	case b.unit == Bytes && b.done > 0:
		amount = Size(b.done)
	case b.total > 0:
		amount = fmt.Sprintf("%3d %%", 100*min(b.done, b.total)/b.total)
	default:
		amount = "working"
	}
	if left, known := remaining(b.done, b.total, now.Sub(b.start)); known {
		amount += "  " + Duration(left) + " left"
	}
	return amount
}

// remaining estimates the time left from the mean speed so far. It reports false
// in the first second and 2 % of the work, when the estimate would jump.
func remaining(done, total int64, elapsed time.Duration) (time.Duration, bool) {
	if total <= 0 || done <= 0 || done >= total || (elapsed < time.Second && done*50 < total) {
		return 0, false
	}
	return time.Duration(float64(elapsed) * float64(total-done) / float64(done)), true
}

// Printable replaces control characters: a file name must not control the
// terminal.
func Printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return '?'
		}
		return r
	}, text)
}

// shorten cuts text in the middle, to at most width runes: the ends of a path
// matter most.
func shorten(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	if width <= 1 {
		return string(runes[:max(width, 0)])
	}
	head := (width - 1) / 3
	return string(runes[:head]) + "…" + string(runes[len(runes)-(width-1-head):])
}

// Size formats a number of bytes in decimal units.
func Size(bytes int64) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	case bytes >= 1e3:
		return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%d B", bytes)
}

// Duration formats a time: "0.4 s", "12 s", "3:05 min", "2:10 h".
func Duration(d time.Duration) string {
	seconds := int64(d.Round(time.Second) / time.Second)
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case seconds < 60:
		return fmt.Sprintf("%d s", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%d:%02d min", seconds/60, seconds%60)
	}
	return fmt.Sprintf("%d:%02d h", seconds/3600, seconds%3600/60)
}
