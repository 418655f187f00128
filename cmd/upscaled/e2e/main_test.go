//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"upscaled/cmd/upscaled/e2e/pretend"
)

// repository is the root, seen from this folder.
const repository = "../../.."

// built is the program under test, built with the tag e2e.
var built string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	// Tests wait for servers more than they compute, so more run at once than there
	// are cores.
	if limit := flag.Lookup("test.parallel"); limit.Value.String() == limit.DefValue {
		_ = limit.Value.Set("6")
	}
	folder, err := os.MkdirTemp("", "upscaled-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	built = filepath.Join(folder, "upscaled")
	build := exec.Command("go", "build", "-tags", "e2e", "-o", built)
	if raceEnabled {
		build.Args = append(build.Args, "-race")
	}
	build.Args = append(build.Args, "..")
	if said, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the program: %v\n%s", err, said)
		return 1
	}
	return m.Run()
}

// Exit codes of the program.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitMissing     = 3
	exitDevice      = 5
	exitInternal    = 70
	exitInterrupted = 130
)

// outcome is the result of a run of the program.
type outcome struct {
	code           int
	stdout, stderr string
}

// program runs the program on the plain pretend engine.
func program(t *testing.T, arguments ...string) outcome {
	t.Helper()
	return execute(t, nil, []string{pretend.Variable + "=pretend"}, arguments...)
}

// execute runs the program to its end.
func execute(t *testing.T, stdin []byte, environment []string, arguments ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.Command(built, arguments...)
	command.Env = append(os.Environ(), environment...)
	command.Stdin, command.Stdout, command.Stderr = bytes.NewReader(stdin), &stdout, &stderr
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// keyView is a key as 'upscaled keys list --json' shows it.
type keyView struct {
	ID         string
	Credits    *int64
	Unfinished int
}

// keys runs the keys verb on a server's data folder and returns its output.
func keys(t *testing.T, data string, arguments ...string) string {
	t.Helper()
	got := program(t, append([]string{"keys", "--data", data}, arguments...)...)
	if got.code != exitOK {
		t.Fatalf("keys %v: %d %s", arguments, got.code, got.stderr)
	}
	return strings.TrimSpace(got.stdout)
}

func keyID(t *testing.T, data string) string {
	t.Helper()
	listed := decodeJSON[[]keyView](t, []byte(keys(t, data, "list", "--json")))
	return listed[len(listed)-1].ID
}

// folder writes files and returns their folder.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// shell runs a command line and returns what it wrote.
func shell(t *testing.T, folder, line string, environment ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), environment...)
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, said)
	}
	return string(said)
}

// deployFolder holds the files that operators install with the program.
const deployFolder = repository + "/scripts/deploy"

func deployFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployFolder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stopLimit is how long a server may take to stop.
const stopLimit = patience
