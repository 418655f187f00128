package child

import (
	"bytes"
	"log/slog"
)

// lines is an io.Writer that logs what a child says, line by line. One
// goroutine uses it.
type lines struct {
	log  *slog.Logger
	rest []byte // of a line that has not ended
}

// maxLine bounds a line, in bytes; longer ones are logged in pieces.
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
		l.say(l.rest[:end])
		l.rest = l.rest[:copy(l.rest, l.rest[end+skip:])]
	}
}

// flush logs a last line without an end.
func (l *lines) flush() {
	l.say(l.rest)
	l.rest = nil
}

func (l *lines) say(line []byte) {
	if line = bytes.TrimRight(line, "\r"); len(line) > 0 {
		l.log.Warn("the engine's process says", "line", string(line))
	}
}
