//go:build e2e && linux

package e2e

import (
	"bytes"
	"image"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// named are the libraries that a run on the CPU may open: those of the C and C++
// compilers, and ONNX Runtime if it is asked for.
var named = regexp.MustCompile(`^(ld-linux-.*|lib(c|m|dl|pthread|resolv|rt|gcc_s|stdc\+\+|onnxruntime))\.so[.0-9]*$`)

// Codecs are part of the program: what a machine has installed is neither opened
// nor changes a byte.
func TestLibrariesOfARun(t *testing.T) {
	needRuntime(t)
	t.Parallel()
	decoys := t.TempDir()
	source := filepath.Join(decoys, "decoy.c")
	if err := os.WriteFile(source, []byte("int decoy;\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"libwebp", "libwebpdemux", "libjpeg", "libturbojpeg", "libpng", "libtiff", "libgif", "libz"} {
		if said, err := exec.Command("gcc", "-shared", "-o", filepath.Join(decoys, name+".so"), source).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	var input bytes.Buffer
	if err := png.Encode(&input, part(photo(t), image.Rect(200, 100, 320, 180))); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{{"png"}, {"jpeg"}, {"tiff"}, {"bmp"}, {"gif"}, {"webp"}, {"webp", "--lossless"}, {"avif"}, {"jxl"}, {"png", "--cpu-engine", "onnxruntime"}} {
		arguments = append([]string{"--format"}, arguments...)
		with := withMaps(t, input.Bytes(), decoys, arguments)
		if strings.Contains(strings.Join(arguments, " "), "webp") && !bytes.Equal(with, withMaps(t, input.Bytes(), "", arguments)) {
			t.Errorf("%v: installed libraries change the file", arguments)
		}
	}
}

// withMaps upscales beside installed libraries and returns the output. The
// process is looked at once it has begun to write, when its codec has run: the
// rest of the output does not fit into the pipe, which holds a page.
func withMaps(t *testing.T, input []byte, installed string, arguments []string) []byte {
	t.Helper()
	command := exec.Command(built, append(append([]string{"--offline", "upscale", "--device", "cpu", "--quiet", "--out", "-"}, arguments...), "-")...)
	command.Env = append(os.Environ(), "LD_LIBRARY_PATH="+installed+":"+os.Getenv("LD_LIBRARY_PATH"))
	var stderr bytes.Buffer
	command.Stdin, command.Stderr = bytes.NewReader(input), &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	const setPipeSize, page = 1031, 4096 // F_SETPIPE_SZ of fcntl(2)
	if _, _, no := syscall.Syscall(syscall.SYS_FCNTL, stdout.(*os.File).Fd(), setPipeSize, page); no != 0 {
		t.Fatal(no)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 1)
	_, readError := io.ReadFull(stdout, first)
	maps, mapsError := os.ReadFile("/proc/" + strconv.Itoa(command.Process.Pid) + "/maps")
	rest, _ := io.ReadAll(stdout)
	if err := command.Wait(); err != nil || readError != nil || mapsError != nil {
		t.Fatalf("%v: %v, %v, %v: %s", arguments, err, readError, mapsError, stderr.String())
	}
	seen := false
	for line := range strings.Lines(string(maps)) {
		if start := strings.IndexByte(line, '/'); start >= 0 && strings.Contains(line, ".so") {
			name := filepath.Base(strings.TrimSpace(line[start:]))
			seen = seen || strings.HasPrefix(name, "libonnxruntime")
			if !named.MatchString(name) {
				t.Errorf("%v: the run opened %s", arguments, strings.TrimSpace(line[start:]))
			}
		}
	}
	if wanted := slices.Contains(arguments, "onnxruntime"); seen != wanted {
		t.Errorf("%v: ONNX Runtime is open: %t, want %t:\n%s", arguments, seen, wanted, maps)
	}
	if len(rest) <= page {
		t.Errorf("%v: %d bytes fit into the pipe", arguments, len(rest))
	}
	return append(first, rest...)
}
