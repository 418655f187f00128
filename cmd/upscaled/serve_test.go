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
	"upscaled/cmd/upscaled/settings"
)

// Every mistake is reported at once, wherever it comes from, under the name that
// the setting has there; --check ends then.
func TestAllProblemsOfSettingsAtOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "upscaled.toml")
	text := "listen = \"nowhere\"\nunknown = 1\nretention = \"1h\"\n[queue]\nattempts = \"many\"\n[apis.mnml]\nprice = 3\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := map[string]string{"UPSCALED_CONFIG": file, "UPSCALED_QUEUE_LEASE": "soon", "UPSCALED_QUEUE_MAX_JOBS": "0", "UPSCALED_AILAB_PRICE": "2"}
	got := program(t, &fakeUpscaler{}, environment, nil, "serve", "--check", "--public-url", "ftp://x", "--set", "apis.maskr.price=-1", "--set", "face.strength=2")
	if got.code != exitUsage || got.stdout != "" {
		t.Errorf("code %d, %q", got.code, got.stdout)
	}
	for _, want := range []string{
		"--listen \"nowhere\"", "\"unknown\" is no setting", "\"retention\" is retention in the section [queue] now", "queue.attempts: \"many\" is not a whole number",
		"UPSCALED_QUEUE_LEASE: \"soon\"", "queue.max-jobs is 0; it is at least 1", "--public-url", "apis.maskr.price is -1", "face.strength is 2; it goes from 0 to 1",
		"UPSCALED_AILAB_PRICE is called UPSCALED_APIS_AILAB_PRICE now",
	} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("nothing about %s in:\n%s", want, got.stderr)
		}
	}
	if got := program(t, &fakeUpscaler{}, nil, nil, "serve", "--check"); got.code != exitOK || got.stdout == "" {
		t.Errorf("without mistakes: %d %q %q", got.code, got.stdout, got.stderr)
	}
}

// A flag of earlier versions is refused with the setting's new name.
func TestMovedFlags(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"--mnml-price=2": "apis.mnml.price", "--lease=1m": "queue.lease", "--fetch-http": "fetch.http", "--face-min=9": "face.min", "--max-pixels=9": "limits.max-pixels",
	} {
		got := program(t, &fakeUpscaler{}, nil, nil, "serve", flag)
		if got.code != exitUsage || !strings.Contains(got.stderr, "--set "+want+"=VALUE") {
			t.Errorf("%s: %d %s", flag, got.code, got.stderr)
		}
	}
}

// What config prints is read back to the same values, and has every setting.
func TestConfigRoundTrip(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "upscaled.toml")
	environment := map[string]string{"UPSCALED_APIS_MNML_PRICE": "7", "UPSCALED_HOME": "/tmp/a \\\"b", "UPSCALED_TRUSTED_PROXIES": "10.0.0.0/8,::1"}
	first := program(t, &fakeUpscaler{}, environment, nil, "config", "--set", "limits.max-pixels=12M")
	if err := os.WriteFile(file, []byte(first.stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	second := program(t, &fakeUpscaler{}, nil, nil, "config", "--config", file)
	if first.code != exitOK || second.code != exitOK || first.stdout != second.stdout {
		t.Errorf("%d %s\n%d %s\n%s", first.code, first.stdout, second.code, second.stderr, second.stdout)
	}
	for _, want := range []string{"[apis.mnml]\n", "price = 7\n", "max-pixels = \"12M\"\n", "trusted-proxies = [\"10.0.0.0/8\", \"::1\"]\n", "max-bytes = \"8MiB\"\n"} {
		if !strings.Contains(first.stdout, want) {
			t.Errorf("no %q in\n%s", want, first.stdout)
		}
	}
	if got := program(t, &fakeUpscaler{}, map[string]string{"UPSCALED_CONFIG": file}, nil, "serve", "--check"); got.code != exitOK {
		t.Errorf("%d %s", got.code, got.stderr)
	}
}

// A bound on the engine's process that cannot be kept is a mistake.
func TestEngineMemoryMistakes(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{
		{"--set", "engine.memory=-1"}, {"--set", "engine.memory=1G", "--set", "engine.isolate=false"},
	} {
		got := program(t, &fakeUpscaler{}, nil, nil, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, arguments...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, "engine.memory") {
			t.Errorf("%v: %d %s", arguments, got.code, got.stderr)
		}
	}
}

// Mistakes in the settings of traces and metrics are reported before anything runs.
func TestWatchingProblems(t *testing.T) {
	t.Parallel()
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	for argument, code := range map[string]int{
		"--set=traces.ratio=2": exitUsage, "--set=traces.ratio=NaN": exitUsage, "--set=traces.url=collector:4317": exitFailed,
		"--metrics-listen=" + strings.TrimPrefix(taken.URL, "http://"): exitFailed,
	} {
		name, _, _ := strings.Cut(strings.TrimPrefix(argument, "--set="), "=")
		got := program(t, &fakeUpscaler{}, nil, nil, "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir(), argument)
		if got.code != code || !strings.Contains(got.stderr, name) {
			t.Errorf("%s: %d %s", argument, got.code, got.stderr)
		}
	}
}

// Profiles are for this machine only.
func TestProfilesOfThisMachineOnly(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"0.0.0.0:0", ":6060", "192.0.2.1:6060", "example.com:6060", "6060"} {
		got := program(t, &fakeUpscaler{}, nil, nil, "serve", "--data", t.TempDir(), "--set", "pprof.listen="+address)
		if got.code != exitUsage || !strings.Contains(got.stderr, "pprof.listen") {
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
	var work settings.Engine
	cmd, rest, err := newRootCommand(a).Find([]string{"serve", "--device", "cuda:0,1", "--listen", "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.ParseFlags(rest); err != nil {
		t.Fatal(err)
	}
	if problems := a.loadSettings(cmd, a.lookupEnv); problems != nil {
		t.Fatal(problems)
	}
	work.MaxSide, work.NoWarmUp = 77, true
	got := a.engineArguments(work)
	for _, want := range []string{"--threads=2", "--device=cuda:0,1", "--set=limits.max-side=77", "--set=engine.no-warm-up=true", "--home=", "--offline=false", "--model="} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %v", want, got)
		}
	}
	if got[0] != engineCommand || parses(got) != nil || slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "--listen") }) {
		t.Errorf("%v: %v", got, parses(got))
	}
}
