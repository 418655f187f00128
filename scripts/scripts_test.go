// Package scripts holds the programs that build, check and release upscaled. Its
// tests run those that judge the output of other programs.
package scripts

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs a script and returns its output; the environment is added to the
// test's.
func run(t *testing.T, environment []string, arguments ...string) (string, error) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "bash", arguments...)
	command.Env = append(os.Environ(), environment...)
	output, err := command.CombinedOutput()
	return string(output), err
}

// Findings and errors of govulncheck fail; only a database that cannot be
// reached does not.
func TestVulnerabilities(t *testing.T) {
	t.Parallel()
	const get = `govulncheck: fetching vulnerabilities: Get "https://db.test/index/modules.json.gz": `
	for _, c := range []struct {
		name, output, code string
		want               string // in the output; "" for a failure
	}{
		{"clean", "No vulnerabilities found.", "0", "no known vulnerability"},
		{"silent", "", "0", ""},
		{"found", "Vulnerability #1: GO-2026-0001", "3", ""},
		{"found, and a connection error", "Vulnerability #1\n" + get + "dial tcp: no such host", "3", ""},
		{"no name server", get + "dial tcp: lookup db.test: no such host", "1", "NOT CHECKED"},
		{"no route", get + "dial tcp 192.0.2.1:443: connect: network is unreachable", "1", "NOT CHECKED"},
		{"no answer", get + "net/http: TLS handshake timeout", "1", "NOT CHECKED"},
		{"wrong certificate", get + "tls: failed to verify certificate: x509: certificate signed by unknown authority", "1", ""},
		{"no database", "govulncheck: fetching vulnerabilities: HTTP GET https://db.test returned unexpected status: 404 Not Found", "1", ""},
		{"does not compile", "govulncheck: loading packages: no such host", "1", ""},
		{"wrong usage", get + "no such host", "2", ""},
	} {
		// A shell reads the stand-in: executing a file that was just written
		// fails while another test forks (golang/go#22315).
		scanner := filepath.Join(t.TempDir(), "scanner")
		if err := os.WriteFile(scanner, []byte("cat <<'END'\n"+c.output+"\nEND\nexit "+c.code+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		output, err := run(t, []string{"GOVULNCHECK=sh " + scanner}, "vulnerabilities", "./scripts")
		if (err != nil) != (c.want == "") || !strings.Contains(output, c.want) {
			t.Errorf("%s: %v\n%s", c.name, err, output)
		}
	}
	if output, err := run(t, []string{"GOVULNCHECK=" + filepath.Join(t.TempDir(), "missing")}, "vulnerabilities", "./scripts"); err == nil {
		t.Errorf("a missing scanner finds nothing:\n%s", output)
	}
}

// needTools skips a test that builds a pinned tool first, which takes minutes,
// unless .ci/run asks for it.
func needTools(t *testing.T) {
	t.Helper()
	if os.Getenv("UPSCALED_REQUIRE_TOOLS") != "1" {
		t.Skip("builds the tools of scripts/tools; .ci/run does")
	}
}

// database returns the URL of a vulnerability database with one entry:
// fmt.Println of every Go version is vulnerable.
func database(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	text, err := json.Marshal(map[string]any{
		"schema_version": "1.3.1", "id": "GO-2026-0001", "modified": "2026-01-01T00:00:00Z", "published": "2026-01-01T00:00:00Z",
		"summary": "made up", "details": "made up",
		"affected": []any{map[string]any{
			"package":            map[string]any{"name": "stdlib", "ecosystem": "Go"},
			"ranges":             []any{map[string]any{"type": "SEMVER", "events": []any{map[string]any{"introduced": "0"}}}},
			"ecosystem_specific": map[string]any{"imports": []any{map[string]any{"path": "fmt", "symbols": []any{"Println"}}}},
		}},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "GO-2026-0001.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "file://" + folder
}

// The pinned govulncheck itself reports a finding, a database that is missing
// and a server that is none as scripts/vulnerabilities expects.
func TestGovulncheck(t *testing.T) {
	t.Parallel()
	needTools(t)
	path, err := exec.CommandContext(t.Context(), "go", "tool", "-modfile=tools/go.mod", "-n", "govulncheck").Output()
	if err != nil {
		t.Fatal(err)
	}
	scan := func(database, pkg string) (string, error) {
		scanner := strings.TrimSpace(string(path)) + " -db " + database
		return run(t, []string{"GOVULNCHECK=" + scanner}, "vulnerabilities", pkg)
	}
	if output, err := scan(database(t), "./scripts/mutation"); err == nil || !strings.Contains(output, "GO-2026-0001") {
		t.Errorf("a vulnerable call: %v\n%s", err, output)
	}
	if output, err := scan(database(t), "./models/weights/pickle"); err != nil || !strings.Contains(output, "no known vulnerability") {
		t.Errorf("no vulnerable call: %v\n%s", err, output)
	}
	none := httptest.NewServer(http.NotFoundHandler())
	defer none.Close()
	if output, err := scan(none.URL, "./models/weights/pickle"); err == nil {
		t.Errorf("a server without a database:\n%s", output)
	}
	// govulncheck probes a database by HEAD first.
	broken := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodHead {
			panic(http.ErrAbortHandler)
		}
	}))
	defer broken.Close()
	if output, err := scan(broken.URL, "./models/weights/pickle"); err != nil || !strings.Contains(output, "NOT CHECKED") {
		t.Errorf("a database that breaks off: %v\n%s", err, output)
	}
}

// Licenses of Go modules that are not allowed are found.
func TestModuleLicenses(t *testing.T) {
	t.Parallel()
	needTools(t)
	if output, err := run(t, []string{"ALLOWED_LICENSES=MIT,Apache-2.0"}, "licenses", "check"); err == nil || !strings.Contains(output, "BSD-3-Clause") {
		t.Errorf("a license that is not allowed: %v\n%s", err, output)
	}
}

// A package of npm needs an allowed license among its choices.
func TestNpmLicenses(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("needs jq")
	}
	for license, allowed := range map[string]bool{
		"MIT": true, "(MIT OR GPL-3.0)": true, "MIT AND Apache-2.0": true, "MIT OR Apache-2.0 AND GPL-3.0": true,
		"GPL-3.0": false, "MIT AND GPL-3.0": false, "AGPL-3.0": false, "": false, "UNLICENSED": false,
		"SEE LICENSE IN LICENSE": false, "(MIT OR ISC) AND GPL-3.0": false,
	} {
		list := map[string]any{"packages": map[string]any{
			"node_modules/good": map[string]string{"version": "1.0.0", "license": "MIT"},
			"node_modules/this": map[string]string{"version": "2.0.0", "license": license},
		}}
		output, err := run(t, nil, "licenses", "check-npm", npmFolder(t, list))
		if (err == nil) != allowed || !allowed && !strings.Contains(output, "node_modules/this 2.0.0") {
			t.Errorf("%q: %v\n%s", license, err, output)
		}
	}
	for name, list := range map[string]any{
		"no license":  map[string]any{"packages": map[string]any{"node_modules/this": map[string]string{"version": "2.0.0"}}},
		"no packages": map[string]any{"packages": map[string]any{}},
		"no list":     nil,
	} {
		if output, err := run(t, nil, "licenses", "check-npm", npmFolder(t, list)); err == nil {
			t.Errorf("%s is allowed:\n%s", name, output)
		}
	}
}

// npmFolder makes a folder with npm's list of installed packages.
func npmFolder(t *testing.T, list any) string {
	t.Helper()
	folder := t.TempDir()
	text, err := json.Marshal(list)
	if err == nil {
		err = os.Mkdir(filepath.Join(folder, "node_modules"), 0o700)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "node_modules", ".package-lock.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return folder
}
