//go:build e2e && linux

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"upscaled/cmd/upscaled/e2e/pretend"
)

// makeFilm makes a film with sound, or skips the test on machines without ffmpeg. A long
// one repeats its first minute: sound takes more time to encode than all else.
func makeFilm(t *testing.T, path, source string, seconds int) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("there is no ffmpeg")
	}
	first, repeat := path, []string{}
	if seconds > 60 {
		first = filepath.Join(t.TempDir(), filepath.Base(path))
		repeat = []string{"-v", "error", "-stream_loop", "-1", "-i", first, "-t", strconv.Itoa(seconds), "-c", "copy", path}
	}
	made := []string{"-v", "error", "-f", "lavfi", "-i", source, "-f", "lavfi", "-i", "sine=r=8000",
		"-t", strconv.Itoa(min(seconds, 60)), "-c:v", "libx264", "-c:a", "aac", "-metadata", "title=A film", first}
	for _, arguments := range [][]string{made, repeat} {
		if len(arguments) == 0 {
			continue
		}
		if said, err := exec.CommandContext(t.Context(), "ffmpeg", arguments...).CombinedOutput(); err != nil {
			t.Fatalf("make a film: %v\n%s", err, said)
		}
	}
}

// filmProgram returns the program that upscales a film.
func filmProgram(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), built, append([]string{"upscale", "--overwrite", "--model", "realesr-general-x4v3"}, arguments...)...)
	command.Env = append(os.Environ(), pretend.Variable+"="+string(pretend.Plain))
	return command
}

// A film is the same, byte for byte, however often the program is killed, and chunks
// that were finished are not made again.
func TestFilmsSurviveKills(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it makes a film over and over")
	}
	root := t.TempDir()
	input, whole, output := filepath.Join(root, "a.mp4"), filepath.Join(root, "whole.mp4"), filepath.Join(root, "b.mp4")
	makeFilm(t, input, "testsrc2=s=32x32:r=60", 20) // 13 chunks
	started := time.Now()
	if said, err := filmProgram(t, "--out", whole, input).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	took := time.Since(started)
	want := readFile(t, whole)
	var finished []byte
	const kills, every = 24, 6 // one of six is an interrupt
	for killed := 0; killed < kills; {
		command := filmProgram(t, "--out", output, input)
		var said bytes.Buffer
		command.Stderr, command.SysProcAttr = &said, &syscall.SysProcAttr{Setpgid: true}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		signal := syscall.SIGKILL
		if killed%every == every-1 {
			signal = syscall.SIGINT // to all processes, as from a terminal
		}
		moment := time.AfterFunc(took/20+rand.N(took/4), func() { _ = syscall.Kill(-command.Process.Pid, signal) })
		err := command.Wait()
		moment.Stop()
		if _, found := os.Stat(output); found == nil { // it was finished before it could be killed
			equalFilms(t, want, output)
			if err := os.Remove(output); err != nil {
				t.Fatal(err)
			}
			finished = nil
			continue
		}
		killed++
		if err == nil {
			t.Fatalf("a program ended without an output: %s", said.String())
		}
		if text := said.String(); signal == syscall.SIGINT && !strings.HasSuffix(text, "upscaled: interrupted\n") && text != "" { // before it listens to signals
			t.Errorf("an interrupted program says %q", text)
		}
		finished = sameChunks(t, filepath.Join(root, ".b.mp4.upscaled-film"), finished)
	}
	if said, err := filmProgram(t, "--out", output, input).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	equalFilms(t, want, output)
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func equalFilms(t *testing.T, want []byte, path string) {
	t.Helper()
	if got := readFile(t, path); !bytes.Equal(got, want) {
		t.Errorf("the film has other %d bytes than the undisturbed one of %d", len(got), len(want))
	}
}

// sameChunks checks that the chunks which were finished before still are in the film's
// journal and its video as they were, and returns both as they are now.
func sameChunks(t *testing.T, folder string, before []byte) []byte {
	t.Helper()
	video, err := os.ReadFile(filepath.Join(folder, "video"))
	journal, errJournal := os.ReadFile(filepath.Join(folder, "journal"))
	if err := errors.Join(err, errJournal); err != nil {
		if len(before) == 0 && errors.Is(err, fs.ErrNotExist) {
			return nil // it was killed before it made them
		}
		t.Fatal(err)
	}
	lines := strings.Fields(string(journal[:bytes.LastIndexByte(journal, '\n')+1]))
	if len(lines) == 0 {
		return nil
	}
	end, err := strconv.Atoi(lines[len(lines)-1]) // the journal's last number is the video's length
	if err != nil || end > len(video) {
		t.Fatalf("the video has %d bytes, the journal %q", len(video), journal)
	}
	if video = video[:end]; !bytes.HasPrefix(video, before) {
		t.Error("a finished chunk was made again")
	}
	return video
}

// The memory of a long film is that of a short one, and a film of 90 minutes ends when
// it should.
func TestFilmsTakeNoMemory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it makes a film of 90 minutes")
	}
	root := t.TempDir()
	most := map[int]int64{}
	for _, seconds := range []int{300, 90 * 60} {
		input, output := filepath.Join(root, fmt.Sprint(seconds, ".mkv")), filepath.Join(root, fmt.Sprint(seconds, ".out.mkv"))
		makeFilm(t, input, "testsrc2=s=16x16:r=1", seconds)
		most[seconds] = mostMemory(t, filmProgram(t, "--scale", "2", "--out", output, input))
		for _, stream := range []string{"v:0", "a:0"} {
			before, after := lastEnd(t, input, stream), lastEnd(t, output, stream)
			if math.Abs(before-after) > 1e-3 || before < float64(seconds)-1 {
				t.Errorf("%s ends at %f s in place of %f", stream, after, before)
			}
		}
	}
	// Sound is not read ahead of a subtitle, and video does not wait for one.
	input := filepath.Join(root, "subtitle.mkv")
	makeFilm(t, input, "testsrc2=s=16x16:r=1", 1200)
	loud := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-i", input, "-f", "lavfi", "-i", "anoisesrc=r=48000", "-f", "srt", "-i", "pipe:0", "-map", "0:v", "-map", "1", "-map", "2",
		"-t", "1200", "-c:v", "copy", "-c:a", "pcm_s16le", "-ac", "2", "-c:s", "srt", input+".mkv")
	loud.Stdin = strings.NewReader("1\n00:00:01,000 --> 00:00:02,000\nOne\n\n2\n00:10:00,000 --> 00:10:02,000\nTwo\n")
	if said, err := loud.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	joined := mostMemory(t, filmProgram(t, "--scale", "2", "--out", input+".out.mkv", input+".mkv"))
	const slack = 64 << 20
	if short, long := most[300], most[90*60]; short == 0 || long > short+slack || joined > short+slack {
		t.Errorf("a film of 90 minutes takes %d bytes, one of 5 minutes %d, one with 230 MB of sound %d", long, short, joined)
	}
}

// mostMemory runs a program and returns the peak memory, in bytes, of the process that
// needs most: the program's or one that it started. The peak that wait(2) reports is of
// no use: that of a new process begins with the memory of its parent, the test.
func mostMemory(t *testing.T, command *exec.Cmd) (most int64) {
	t.Helper()
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for pid := command.Process.Pid; ; {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%v\n%s", err, &said)
			}
			return most
		case <-again.C:
		}
		most = max(most, peakOf(pid))
		children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
		for _, list := range children {
			text, _ := os.ReadFile(list)
			for child := range strings.FieldsSeq(string(text)) {
				if id, err := strconv.Atoi(child); err == nil {
					most = max(most, peakOf(id))
				}
			}
		}
	}
}

// lastEnd returns when the last packet of a stream begins, in seconds.
func lastEnd(t *testing.T, path, stream string) float64 {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "json", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	var found struct {
		Packets []struct {
			Time string `json:"pts_time"`
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	last := 0.0
	for _, packet := range found.Packets {
		at, err := strconv.ParseFloat(packet.Time, 64)
		if err != nil {
			t.Fatal(err)
		}
		last = max(last, at)
	}
	return last
}

// Films are named, found and refused as images are.
func TestFilmsOnTheCommandLine(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	input := filepath.Join(root, "a.mkv")
	makeFilm(t, input, "testsrc2=s=32x32:r=10", 1)
	got := program(t, "upscale", input)
	if got.code != exitOK || !strings.Contains(got.stderr, "a.mkv -> "+filepath.Join(root, "a.upscaled.mkv")) {
		t.Fatalf("%d %s", got.code, got.stderr)
	}
	for _, c := range []struct {
		arguments, want string
		code            int
	}{
		{input, "exists already", exitFailed},
		{"--skip-existing " + input, "Skipped", exitOK},
		{root, "Film left out", exitFailed},
		{"--out x.jpg " + input, "names an image", exitUsage},
		{"--out " + root + "/a.gif --to 0.5 " + input, "a.gif", exitOK},
		{"--format webp --to 0.5 --lossless " + input, "a.upscaled.webp", exitOK},
		{"--out " + root + "/b.mp4 " + root + "/a.upscaled.webp", "b.mp4", exitOK},
		{"--out - " + input, "written to one", exitFailed},
		{"--out " + root + "/{width}.mp4 --video-codec h264 --crf 30 --preset fast --to 0:00.5 " + input, "128.mp4", exitOK},
		{"--video-codec divx " + input, "is not known", exitUsage},
		{"--crf -3 " + input, "--crf is -3", exitUsage},
		{"--from 5 --to 3 " + input, "--to 3 is not after", exitUsage},
		{"--from soon " + input, "--from is \"soon\"", exitUsage},
		{"--interlaced maybe " + input, "use deinterlace or refuse", exitUsage},
		{"--ffmpeg /nonsense/ffmpeg --overwrite " + input, "apt install ffmpeg", exitFailed},
		{"--max-pixels 100 --overwrite " + input, "32x32 pixels", exitFailed},
	} {
		got := program(t, append([]string{"upscale"}, strings.Fields(c.arguments)...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.want) {
			t.Errorf("upscale %s: %d %s", c.arguments, got.code, got.stderr)
		}
	}
}
