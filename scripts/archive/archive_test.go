package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// member is a file in an archive.
type member struct {
	name string
	mode fs.FileMode
	text string
	when time.Time
}

var when = time.Unix(1_790_000_000, 0).UTC()

// wanted is what sample has to become, sorted.
func wanted() []member {
	return []member{
		{"thing/LICENSE", 0o644, "free", when},
		{"thing/bin/run", 0o755, "#!", when},
		{"thing/empty", 0o644, "", when},
	}
}

// sample makes a folder of files whose times and groups' rights do not matter.
func sample(t *testing.T, age time.Duration) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "thing")
	for _, m := range wanted() {
		path := filepath.Join(filepath.Dir(root), filepath.FromSlash(m.name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(m.text), m.mode&0o700); err != nil {
			t.Fatal(err)
		}
		old := time.Now().Add(-age)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestPack(t *testing.T) {
	t.Parallel()
	for extension, read := range map[string]func(*testing.T, []byte) []member{".tar.gz": readTarball, ".zip": readZip} {
		var first []byte
		for _, age := range []time.Duration{time.Hour, 100 * time.Hour} {
			out := filepath.Join(t.TempDir(), "a"+extension)
			if err := pack(sample(t, age), out, when); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(out)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = data
			} else if !bytes.Equal(first, data) {
				t.Errorf("%s: the same files give other bytes", extension)
			}
			if got := read(t, data); !slices.Equal(got, wanted()) {
				t.Errorf("%s holds %+v", extension, got)
			}
		}
	}
}

func readTarball(t *testing.T, data []byte) []member {
	t.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var all []member
	for reader := tar.NewReader(plain); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if header.Uid != 0 || header.Gid != 0 || header.Uname != "" {
			t.Errorf("%s belongs to somebody", header.Name)
		}
		text, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, member{header.Name, fs.FileMode(header.Mode), string(text), header.ModTime.UTC()})
	}
}

func readZip(t *testing.T, data []byte) []member {
	t.Helper()
	reader, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var all []member
	for _, file := range reader.File {
		from, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, member{file.Name, file.Mode().Perm(), string(text), file.Modified.UTC()})
	}
	return all
}

func TestPackRefuses(t *testing.T) {
	t.Parallel()
	root := sample(t, 0)
	if err := pack(root, filepath.Join(t.TempDir(), "a.rar"), when); err == nil {
		t.Error("an unknown form passes")
	}
	if err := os.Symlink("LICENSE", filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := pack(root, filepath.Join(t.TempDir(), "a.zip"), when); err == nil {
		t.Error("a link passes")
	}
}
