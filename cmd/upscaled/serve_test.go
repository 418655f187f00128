package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"upscaled/engine"
)

func TestAllProblemsOfSettingsAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "upscaled.toml")
	if err := os.WriteFile(file, []byte("listen = \"nowhere\"\nunknown = 1\nattempts = \"many\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"UPSCALED_CONFIG": file, "UPSCALED_LEASE": "soon", "UPSCALED_MAX_QUEUE": "0"}
	got := program(t, &fakeUpscaler{}, environment, nil, "serve", "--public-url", "ftp://x", "--mnml-price", "-1")
	if got.code != exitUsage {
		t.Errorf("code %d", got.code)
	}
	for _, want := range []string{"nowhere", "unknown", "attempts", "UPSCALED_LEASE", "--max-queue", "--public-url", "--mnml-price"} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("nothing about %s in:\n%s", want, got.stderr)
		}
	}
}

// A bound on the engine's process that cannot be kept is a mistake.
func TestEngineMemoryMistakes(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{
		{"--engine-memory", "-1"}, {"--engine-memory", "1000000000", "--isolate=false"},
	} {
		got := program(t, &fakeUpscaler{}, nil, nil, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, arguments...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, "--engine-memory") {
			t.Errorf("%v: %d %s", arguments, got.code, got.stderr)
		}
	}
}

// What cannot be watched is told before anything runs.
func TestWatchingProblems(t *testing.T) {
	t.Parallel()
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	for argument, code := range map[string]int{
		"--trace-ratio=2": exitUsage, "--trace-ratio=NaN": exitUsage, "--traces=collector:4317": exitFailed,
		"--metrics-listen=" + strings.TrimPrefix(taken.URL, "http://"): exitFailed,
	} {
		flag, _, _ := strings.Cut(argument, "=")
		got := program(t, &fakeUpscaler{}, nil, nil, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), argument)
		if got.code != code || !strings.Contains(got.stderr, flag) {
			t.Errorf("%s: %d %s", argument, got.code, got.stderr)
		}
	}
}

// Profiles are for this machine only.
func TestProfilesOfThisMachineOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":6060", "192.0.2.1:6060", "example.com:6060", "6060"} {
		got := program(t, &fakeUpscaler{}, nil, nil, "serve", "--data", t.TempDir(), "--pprof-listen", address)
		if got.code != exitUsage || !strings.Contains(got.stderr, "--pprof-listen") {
			t.Errorf("%s: %d %s", address, got.code, got.stderr)
		}
	}
}

// The engine's process gets all of its settings, from wherever they come, and
// cannot be started by hand.
func TestEngineArguments(t *testing.T) {
	t.Parallel()
	a := newApp(streams{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard}, func(name string) (string, bool) {
		if name == "UPSCALED_THREADS" {
			return "2", true
		}
		return "", false
	})
	cmd, rest, err := newRootCommand(a).Find([]string{"serve", "--device", "cuda:0,1", "--max-side", "77", "--no-warm-up", "--listen", "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	if problems := a.applyEnvironment(cmd); problems != nil {
		t.Fatal(problems)
	}
	got := engineArguments(cmd.Flags())
	for _, want := range []string{"--threads=2", "--device=cuda:0,1", "--max-side=77", "--max-pixels=100000000", "--no-warm-up=true", "--home=", "--offline=false", "--model="} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
	if got[0] != engineVerb || parses(got) != nil || slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "--listen") }) {
		t.Errorf("%v: %v", got, parses(got))
	}
	if first, again := sameDevice([]string{"x", "--device=auto"}, nil), sameDevice([]string{"x", "--device=auto"}, []engine.DeviceUse{{Device: engine.Device{Kind: "cuda", ID: "0"}}}); first[1] != "--device=auto" || again[1] != "--device=cuda:0" {
		t.Errorf("devices: %v, then %v", first, again)
	}
}
