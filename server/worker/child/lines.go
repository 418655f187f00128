package child

import (
	"bytes"
	"log/slog"
)

// lines is an io.Writer that logs a child's output line by line, from one
// goroutine.
type lines struct {
	log  *slog.Logger
	rest []byte // of a line that has not ended
}

// maxLine bounds a line in bytes; longer ones are split.
const maxLine = 16 << 10

func (l *lines) Write(data []byte) (int, error) {
	l.rest = append(l.rest, data...)
	for {
		end, skip := bytes.IndexByte(l.rest, '\n'), 1
		if end > maxLine || end < 0 && len(l.rest) > maxLine {
			end, skip = maxLine, 0
		}
		if end < 0 {
			return len(data), nil
		}
		l.logLine(l.rest[:end])
		l.rest = l.rest[:copy(l.rest, l.rest[end+skip:])]
	}
}

// flush logs an unterminated last line.
func (l *lines) flush() {
	l.logLine(l.rest)
	l.rest = nil
}

func (l *lines) logLine(line []byte) {
	if line = bytes.TrimRight(line, "\r"); len(line) > 0 {
		l.log.Warn("output of the engine's process", "line", string(line))
	}
}
