package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// scanned is a scanner in shell that says and does what it is told.
func scanned(t *testing.T, out, wrong, code string) (string, error) {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"out": out, "wrong": wrong,
		"scanner": "#!/bin/sh\ncat '" + folder + "/out'; cat '" + folder + "/wrong' >&2; exit " + code + "\n",
	} {
		if err := writeProgram(filepath.Join(folder, name), text); err != nil {
			t.Fatal(err)
		}
	}
	return scan(t.Context(), filepath.Join(folder, "scanner"), "", "./...")
}

// writeProgram writes a file that can be executed. A process started meanwhile
// would inherit the open file and keep it from being executed ("text file
// busy", golang/go#22315); the lock keeps this process from starting any.
func writeProgram(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, []byte(text), 0o755)
}

// Only a database that cannot be reached lets the audit go on unchecked.
func TestJudge(t *testing.T) {
	t.Parallel()
	const get = `govulncheck: fetching vulnerabilities: Get "https://db.test/index/modules.json.gz": `
	for _, c := range []struct {
		name, out, wrong, code string
		want                   string // the beginning; "" for an error
	}{
		{"clean", "No vulnerabilities found.\n", "", "0", "none known"},
		{"silent", "", "", "0", ""},
		{"found", "Vulnerability #1: GO-2026-0001\n", "", "3", ""},
		{"found, and words of the network", "Vulnerability #1\n", get + "dial tcp: no such host\n", "3", ""},
		{"no name server", "", get + "dial tcp: lookup db.test: no such host\n", "1", "NOT CHECKED"},
		{"no way", "", get + "dial tcp 192.0.2.1:443: connect: network is unreachable\n", "1", "NOT CHECKED"},
		{"no answer", "", get + "net/http: TLS handshake timeout\n", "1", "NOT CHECKED"},
		{"another's certificate", "", get + "tls: failed to verify certificate: x509: certificate signed by unknown authority\n", "1", ""},
		{"no database", "", `govulncheck: fetching vulnerabilities: HTTP GET https://db.test returned unexpected status: 404 Not Found` + "\n", "1", ""},
		{"nothing compiles", "", "govulncheck: loading packages: no such host\n", "1", ""},
		{"wrong usage", "", get + "no such host\n", "2", ""},
	} {
		said, err := scanned(t, c.out, c.wrong, c.code)
		if (err != nil) != (c.want == "") || !strings.HasPrefix(said, c.want) {
			t.Errorf("%s: %q, %v; want %q", c.name, said, err, c.want)
		}
	}
	if _, err := scan(t.Context(), filepath.Join(t.TempDir(), "missing"), ""); err == nil {
		t.Error("a scanner that is missing finds nothing")
	}
}

// madeUp is a database with one entry: fmt.Println of every Go is vulnerable.
func madeUp(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	entry := map[string]any{
		"schema_version": "1.3.1", "id": "GO-2026-0001", "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
		"summary": "made up", "details": "made up",
		"affected": []any{map[string]any{
			"package":            map[string]any{"name": "stdlib", "ecosystem": "Go"},
			"ranges":             []any{map[string]any{"type": "SEMVER", "events": []any{map[string]any{"introduced": "0"}}}},
			"ecosystem_specific": map[string]any{"imports": []any{map[string]any{"path": "fmt", "symbols": []any{"Println"}}}},
		}},
	}
	text, err := json.Marshal(entry)
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "GO-2026-0001.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "file://" + folder
}

// TestScanner runs the scanner itself: on a finding, on a database that is not
// there, and on a server that is none.
func TestScanner(t *testing.T) {
	t.Parallel()
	program := os.Getenv("UPSCALED_GOVULNCHECK")
	if program == "" {
		t.Skip("UPSCALED_GOVULNCHECK does not name govulncheck; .ci/run installs it")
	}
	if said, err := scan(t.Context(), program, madeUp(t), "upscaled/scripts/archive"); err == nil || !strings.Contains(err.Error(), "GO-2026-0001") {
		t.Errorf("a call of what is vulnerable: %q, %v", said, err)
	}
	if said, err := scan(t.Context(), program, madeUp(t), "upscaled/models/fault"); err != nil || !strings.HasPrefix(said, "none known") {
		t.Errorf("no call of what is vulnerable: %q, %v", said, err)
	}
	none := httptest.NewServer(http.NotFoundHandler())
	defer none.Close()
	if said, err := scan(t.Context(), program, none.URL, "upscaled/models/fault"); err == nil {
		t.Errorf("a server without a database: %q", said)
	}
	// govulncheck asks others than Go's own by HEAD whether they have one.
	broken := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead {
			panic(http.ErrAbortHandler)
		}
	}))
	defer broken.Close()
	if said, err := scan(t.Context(), program, broken.URL, "upscaled/models/fault"); err != nil || !strings.HasPrefix(said, "NOT CHECKED") {
		t.Errorf("a server that hangs up: %q, %v", said, err)
	}
}

func TestNpmLicences(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]string{
		`{"packages": {"node_modules/a": {"version": "1.0.0", "license": "MIT"}}}`:                                        "",
		`{"packages": {"node_modules/a": {"license": "MIT"}, "node_modules/b": {"version": "2", "license": "AGPL-3.0"}}}`: `node_modules/b 2: its licence is "AGPL-3.0"`,
		`{"packages": {"node_modules/a": {"version": "1"}}}`:                                                              `its licence is ""`,
		`{"packages": {}}`: "names no package",
		`[]`:               "read npm's list",
	} {
		folder := t.TempDir()
		err := os.MkdirAll(filepath.Join(folder, "node_modules"), 0o700)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "node_modules", ".package-lock.json"), []byte(list), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = npmLicences(folder)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", list, err, want)
		}
	}
}

// What the go command says on both of its outputs is in the error.
func TestGoCommand(t *testing.T) {
	t.Parallel()
	_, err := goCommand(t.Context(), "no-such-verb")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || !strings.Contains(err.Error(), "unknown command") {
		t.Error(err)
	}
}
