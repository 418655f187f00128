package film

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"upscaled/models/fault"
)

// Tools are the programs of ffmpeg.
type Tools struct {
	ffmpeg, ffprobe string
	// version is the first line of "ffmpeg -version".
	version string
}

// The oldest version of ffmpeg that will do: it introduced -fps_mode.
const oldestMajor, oldestMinor = 5, 1

// Installed reports whether the tools that Find would return exist.
func Installed(named string) bool {
	_, err := look(named)
	return err == nil
}

// look returns the tools without their version.
func look(named string) (Tools, error) {
	t := Tools{ffmpeg: cmp.Or(named, "ffmpeg"), ffprobe: "ffprobe"}
	if named != "" {
		t.ffprobe = filepath.Join(filepath.Dir(named), "ffprobe"+filepath.Ext(named))
	}
	for _, path := range []*string{&t.ffmpeg, &t.ffprobe} {
		found, err := exec.LookPath(*path)
		if err != nil {
			return t, fault.Wrap(fault.Unsupported, err, "Films need ffmpeg and ffprobe, and %s was not found; install them with \"apt install ffmpeg\", \"brew install ffmpeg\" or \"winget install ffmpeg\".", *path)
		}
		*path = found
	}
	return t, nil
}

// Find returns the tools: named is the path of ffmpeg, with ffprobe beside it; ""
// looks them up on PATH.
func Find(ctx context.Context, named string) (Tools, error) {
	t, err := look(named)
	if err != nil {
		return t, err
	}
	said, _, err := output(ctx, t.ffmpeg, "-version")
	first, _, _ := strings.Cut(string(said), "\n")
	if t.version = strings.TrimSpace(first); ctx.Err() != nil {
		return t, canceled(ctx)
	}
	if err != nil || !strings.HasPrefix(t.version, "ffmpeg version") {
		return t, fault.Wrap(fault.Unsupported, err, "%s is not ffmpeg, or does not start.", t.ffmpeg)
	}
	var major, minor int
	number := strings.TrimPrefix(strings.Fields(t.version)[2], "n")
	parts := strings.FieldsFunc(number, func(r rune) bool { return r < '0' || r > '9' })
	if len(parts) > 1 && number[0] >= '0' && number[0] <= '9' {
		major, _ = strconv.Atoi(parts[0])
		minor, _ = strconv.Atoi(parts[1])
		if major < oldestMajor || major == oldestMajor && minor < oldestMinor {
			return t, fault.New(fault.Unsupported, "Films need ffmpeg %d.%d or newer; %s is %s.", oldestMajor, oldestMinor, t.ffmpeg, number)
		}
	}
	return t, nil
}

// output runs a program and returns what it writes, and what it writes to standard
// error.
func output(ctx context.Context, path string, arguments ...string) ([]byte, string, error) {
	command, said := exec.CommandContext(ctx, path, arguments...), &sayings{}
	command.Stderr, command.WaitDelay = said, killDelay
	apart(command)
	out, err := command.Output()
	return out, said.text(), err
}

func canceled(ctx context.Context) error {
	return fault.Wrap(fault.Canceled, ctx.Err(), "The operation was canceled.")
}

// quiet are the options that all processes get.
func quiet(arguments ...string) []string {
	return append([]string{"-hide_banner", "-nostdin", "-v", "error"}, arguments...)
}

// process is a running ffmpeg. Its context kills it.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser // nil unless it reads from a pipe
	out     io.ReadCloser  // nil unless it writes to a pipe
	said    *sayings
}

// killDelay is how long a killed process may keep its pipes open.
const killDelay = 5 * time.Second

// command prepares a process. line, if not nil, takes lines of standard error that it
// returns true for.
func (t Tools) command(ctx context.Context, line func(string) bool, arguments ...string) *process {
	p := &process{command: exec.CommandContext(ctx, t.ffmpeg, arguments...), said: &sayings{line: line}}
	p.command.Stderr, p.command.WaitDelay = p.said, killDelay
	apart(p.command)
	p.command.Env = append(os.Environ(), "AV_LOG_FORCE_NOCOLOR=1")
	return p
}

// start starts the process with the pipes that are asked for.
func (p *process) start(in, out bool) (err error) {
	if in {
		p.in, err = p.command.StdinPipe()
	}
	if err == nil && out {
		p.out, err = p.command.StdoutPipe()
	}
	if err == nil {
		err = p.command.Start()
	}
	if err != nil {
		return fault.Wrap(fault.Internal, err, "ffmpeg could not be started.")
	}
	return nil
}

// wait waits for the end of the process. Its error, if it has one, contains what the
// process said.
func (p *process) wait() error {
	err := p.command.Wait()
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %s", err, p.said.text())
}

// sayings keeps what a process writes to standard error, within bounds. It may be
// used concurrently.
type sayings struct {
	line func(string) bool

	mu     sync.Mutex
	rest   []byte // an unfinished line
	kept   []string
	number int // of lines, kept or not
}

// maxSayings and maxSaying bound the lines that are kept, and one line in bytes.
const maxSayings, maxSaying = 20, 500

// Write implements io.Writer.
func (s *sayings) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	length := len(data)
	for {
		line, rest, found := bytes.Cut(data, []byte("\n"))
		if len(s.rest) < maxSaying {
			s.rest = append(s.rest, line...)
		}
		if !found {
			return length, nil
		}
		if text := strings.TrimSpace(string(s.rest)); text != "" && (s.line == nil || !s.line(text)) {
			s.number++
			if len(s.kept) < maxSayings {
				s.kept = append(s.kept, text[:min(len(text), maxSaying)])
			}
		}
		s.rest, data = s.rest[:0], rest
	}
}

func (s *sayings) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.kept, "; ")
}

// lines returns how many lines were written that line did not take.
func (s *sayings) lines() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number
}
