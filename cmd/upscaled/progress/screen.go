// Package progress draws progress bars below permanent lines on a terminal.
package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// interval between redraws is slow enough for remote terminals.
const interval = 100 * time.Millisecond

// Screen keeps bars at the bottom of a terminal and lets permanent lines scroll
// above them. All methods may be called concurrently.
type Screen struct {
	w     io.Writer
	width func() int
	color bool

	mu    sync.Mutex
	bars  []*Bar
	drawn int // lines on the terminal that belong to bars

	stop chan struct{}
	done sync.WaitGroup
}

// NewScreen draws to w until Close. width returns the number of columns and is
// called at every redraw, since the window may be resized; color enables colors.
func NewScreen(w io.Writer, width func() int, color bool) *Screen {
	s := &Screen{w: w, width: width, color: color, stop: make(chan struct{})}
	s.done.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				s.Redraw()
			case <-s.stop:
				return
			}
		}
	})
	return s
}

// Close removes the bars and stops drawing.
func (s *Screen) Close() {
	close(s.stop)
	s.done.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bars = nil
	s.draw("")
}

// Print writes a permanent line above the bars.
func (s *Screen) Print(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw(line + "\n")
}

// Redraw draws the current state of the bars.
func (s *Screen) Redraw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw("")
}

// Add adds a bar below the others.
func (s *Screen) Add(label string, unit Unit) *Bar {
	bar := &Bar{screen: s, label: label, unit: unit, start: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bars = append(s.bars, bar)
	return bar
}

// draw replaces the bars on the terminal by text and the current bars. A single
// write avoids flicker.
func (s *Screen) draw(text string) {
	var out strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", s.drawn)
	}
	if s.drawn > 0 || text != "" {
		out.WriteString("\r\x1b[J")
	}
	out.WriteString(text)
	// A line as wide as the window would wrap and break the count of lines.
	width := s.width() - 1
	for _, bar := range s.bars {
		out.WriteString(bar.render(width, time.Now(), s.color))
		out.WriteString("\n")
	}
	s.drawn = len(s.bars)
	if out.Len() > 0 {
		_, _ = io.WriteString(s.w, out.String())
	}
}
