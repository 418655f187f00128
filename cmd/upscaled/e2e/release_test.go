//go:build e2e

package e2e

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// makeRelease runs scripts/release for this machine and returns its folder.
func makeRelease(t *testing.T, commit string, options ...string) string {
	t.Helper()
	out := t.TempDir()
	options = append(options, "--host", "--commit", commit, "--out", out)
	cmd := exec.CommandContext(t.Context(), repository+"/scripts/release", options...)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return out
}

// sums are the SHA-256 of a folder's files by name.
func sums(t *testing.T, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[entry.Name()] = fmt.Sprintf("%x", sha256.Sum256(data))
	}
	return all
}

// A release of the last commit has all its parts, its sums are right, and a
// second one, compiled anew, has the same bytes.
func TestRelease(t *testing.T) {
	t.Parallel()
	wholeSuite(t)
	commit := strings.TrimSpace(shell(t, repository, "git rev-parse HEAD"))
	first := makeRelease(t, commit)
	checkSums(t, first)
	archives, err := filepath.Glob(filepath.Join(first, "*.tar.gz"))
	if err != nil || len(archives) != 1 {
		t.Fatalf("archives %v, %v", archives, err)
	}
	unpacked := t.TempDir()
	names := unpack(t, archives[0], unpacked)
	for _, want := range []string{"upscaled", "LICENSE", "README.md", "THIRD-PARTY-NOTICES.txt", "sbom.cdx.json", "man/upscaled.1", "man/upscaled-serve.1",
		"completions/upscaled.bash", "completions/upscaled.zsh", "completions/upscaled.fish", "completions/upscaled.powershell",
		"deploy/upscaled.service", "deploy/upscaled.toml"} {
		if !slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "/"+want) }) {
			t.Errorf("the archive has no %s", want)
		}
	}
	folder := filepath.Join(unpacked, strings.Split(names[0], "/")[0])
	checkInstall(t, first, names[0])
	checkPackage(t, first)
	version, err := exec.CommandContext(t.Context(), filepath.Join(folder, "upscaled"), "version").Output()
	named := strings.TrimSuffix(filepath.Base(folder), "-"+runtime.GOOS+"-"+runtime.GOARCH)
	if err != nil || strings.Fields(string(version))[1] != strings.TrimPrefix(named, "upscaled-") {
		t.Errorf("the program in %s says it is %q, %v", filepath.Base(folder), version, err)
	}
	bill, err := os.ReadFile(filepath.Join(folder, "sbom.cdx.json"))
	if err != nil || !strings.Contains(string(bill), "onnxruntime_go") {
		t.Errorf("the bill of materials lacks a component: %v", err)
	}
	second := makeRelease(t, commit, "--anew")
	have, want := sums(t, second), sums(t, first)
	for name, sum := range want {
		if have[name] != sum {
			t.Errorf("%s differs in a second release", name)
		}
	}
}

// checkInstall installs a release as install.sh's help says, and not from a server
// whose archive is another file.
func checkInstall(t *testing.T, release, folder string) {
	t.Helper()
	served := http.NewServeMux()
	served.Handle("/", http.FileServer(http.Dir(release)))
	served.HandleFunc("/wrong/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".tar.gz") {
			_, _ = w.Write([]byte("another file"))
			return
		}
		http.StripPrefix("/wrong", http.FileServer(http.Dir(release))).ServeHTTP(w, r)
	})
	server := httptest.NewServer(served)
	t.Cleanup(server.Close)
	install := func(url string) (home, said string, err error) {
		home = t.TempDir()
		command := exec.CommandContext(t.Context(), "bash", "-c", `curl -fsSL "$RELEASES/install.sh" | sh -s -- "$RELEASES"`)
		command.Env = append(os.Environ(), "RELEASES="+url, "HOME="+home, "UPSCALED_PREFIX=")
		output, err := command.CombinedOutput()
		return home, string(output), err
	}
	home, said, err := install(server.URL)
	if err != nil || !strings.Contains(said, "installed upscaled ") {
		t.Fatalf("%v\n%s", err, said)
	}
	version, err := exec.CommandContext(t.Context(), filepath.Join(home, ".local", "bin", "upscaled"), "version").Output()
	if err != nil || !strings.Contains(folder, strings.Fields(string(version))[1]) {
		t.Errorf("installed %q, %v", version, err)
	}
	for _, name := range []string{"man/man1/upscaled.1", "bash-completion/completions/upscaled"} {
		if _, err := os.Stat(filepath.Join(home, ".local", "share", name)); err != nil {
			t.Error(err)
		}
	}
	// A file that is not in SHA256SUMS must not be unpacked.
	home, said, err = install(server.URL + "/wrong")
	if _, statErr := os.Stat(filepath.Join(home, ".local")); err == nil || statErr == nil || !strings.Contains(said, "nothing was installed") {
		t.Errorf("a wrong archive: %v\n%s", err, said)
	}
}

// checkPackage reads the Debian package and runs the program in it.
func checkPackage(t *testing.T, release string) {
	t.Helper()
	packages, err := filepath.Glob(filepath.Join(release, "*.deb"))
	if _, missing := exec.LookPath("dpkg-deb"); missing != nil {
		return
	}
	if err != nil || len(packages) != 1 {
		t.Fatalf("packages %v, %v", packages, err)
	}
	root := t.TempDir()
	shell(t, root, fmt.Sprintf("dpkg-deb -x %q . && dpkg-deb -e %q DEBIAN", packages[0], packages[0]))
	for _, name := range []string{"usr/share/man/man1/upscaled.1.gz", "usr/share/bash-completion/completions/upscaled", "etc/upscaled/upscaled.toml", "usr/share/doc/upscaled/copyright"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	unit, err := os.ReadFile(filepath.Join(root, "usr/lib/systemd/system/upscaled.service"))
	if err != nil || !strings.Contains(string(unit), "ExecStart=/usr/bin/upscaled serve") {
		t.Errorf("the unit starts another program: %v", err)
	}
	if control := shell(t, root, "cat DEBIAN/control"); !regexp.MustCompile(`Depends: libc6 \(>= 2\.[0-9]+\)`).MatchString(control) {
		t.Errorf("the package says:\n%s", control)
	}
	shell(t, root, "usr/bin/upscaled version && UPSCALED_CONFIG=etc/upscaled/upscaled.toml usr/bin/upscaled serve --check --data data")
}

// checkSums compares SHA256SUMS with the files beside it.
func checkSums(t *testing.T, folder string) {
	t.Helper()
	file, err := os.Open(filepath.Join(folder, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	actual, listed := sums(t, folder), 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); listed++ {
		if sum, name, ok := strings.Cut(scanner.Text(), "  "); !ok || actual[name] != sum {
			t.Errorf("SHA256SUMS says %q", scanner.Text())
		}
	}
	if listed != len(actual)-1 {
		t.Errorf("SHA256SUMS lists %d of %d files", listed, len(actual)-1)
	}
}

// unpack writes a tarball's files below a folder and returns their names.
func unpack(t *testing.T, archive, folder string) []string {
	t.Helper()
	file, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	plain, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for reader := tar.NewReader(plain); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return names
		} else if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(folder, filepath.FromSlash(header.Name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(reader)
		if err == nil {
			err = os.WriteFile(path, data, os.FileMode(header.Mode))
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
}

// wholeSuite skips tests that build the program again, which can take a minute,
// unless scripts/test runs, which leaves nothing out.
func wholeSuite(t *testing.T) {
	t.Helper()
	if testing.Short() || os.Getenv("UPSCALED_REQUIRE_RUNTIME") != "1" {
		t.Skip("builds the program again; scripts/test runs it")
	}
}

func TestReleaseUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		arguments []string
		code      int
		says      string
	}{
		{[]string{"--help"}, 0, "usage: scripts/release"},
		{[]string{"--all"}, 2, "unknown option --all"},
		{[]string{"--target"}, 2, "--target needs a value"},
	} {
		said, err := exec.CommandContext(t.Context(), repository+"/scripts/release", c.arguments...).CombinedOutput()
		code := 0
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			code = failed.ExitCode()
		}
		if code != c.code || !strings.Contains(string(said), c.says) {
			t.Errorf("%v: %d %s", c.arguments, code, said)
		}
	}
}

// shellcheck finds nothing in the scripts, and each has --help.
func TestScriptsByShellcheck(t *testing.T) {
	t.Parallel()
	shellcheck, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("needs Debian's package shellcheck")
	}
	entries, err := os.ReadDir(repository + "/scripts")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, entry := range entries {
		path := filepath.Join(repository, "scripts", entry.Name())
		text, err := os.ReadFile(path)
		if entry.IsDir() || err != nil || !strings.HasPrefix(string(text), "#!/usr/bin/env bash") {
			continue
		}
		checked++
		if said, err := exec.CommandContext(t.Context(), shellcheck, path).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", entry.Name(), err, said)
		}
		if !strings.Contains(string(text), "--help") {
			t.Errorf("%s has no --help", entry.Name())
		}
	}
	if checked < 3 {
		t.Errorf("only %d scripts were found", checked)
	}
}
