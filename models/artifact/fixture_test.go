package artifact

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// of describes content as a published file.
func of(name string, content []byte, sources ...Source) Artifact {
	sum := sha256.Sum256(content)
	return Artifact{
		Name: name, SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content)),
		Licence: "MIT", Origin: "test", Sources: sources,
	}
}

// tarball packs files the way npm does.
func tarball(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for name, content := range files {
		header := &tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// fakeNPM is a program in npm's place that runs a shell script. The script
// finds the packed package at $PACKAGE and adds a line to $CALLS by itself.
func fakeNPM(t *testing.T, packed []byte, script string) (path string, calls func() int) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the npm stand-in is a shell script")
	}
	folder := t.TempDir()
	tgz, log := filepath.Join(folder, "fixture"), filepath.Join(folder, "calls")
	if err := os.WriteFile(tgz, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(folder, "npm")
	text := fmt.Sprintf("#!/bin/sh\nPACKAGE='%s'\necho \"$*\" >>'%s'\n%s\n", tgz, log, script)
	writeProgram(t, path, text)
	return path, func() int {
		lines, _ := os.ReadFile(log)
		return strings.Count(string(lines), "\n")
	}
}

// writeProgram writes a file that can be executed. A process started meanwhile
// would inherit the open file and keep it from being executed ("text file
// busy", golang/go#22315); the lock keeps this process from starting any.
func writeProgram(t *testing.T, path, text string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// server answers https requests on the loopback interface.
func server(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewTLSServer(answer)
	t.Cleanup(s.Close)
	return s
}

// files lists everything below a folder.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func wantNothing(t *testing.T, folder string) {
	t.Helper()
	if left := files(t, folder); len(left) > 0 {
		t.Errorf("these files were left behind: %v", left)
	}
}
