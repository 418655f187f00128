// Command archive packs a folder into a .tar.gz or .zip file, the same bytes
// for the same files: sorted by name, owned by nobody, of one time. Tools of
// systems differ in that.
package main

import (
	"archive/tar"
	"archive/zip"
	"compress/flate"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	folder := flag.String("folder", "", "folder to pack; its own name begins every name in the archive")
	out := flag.String("out", "", "file to write: NAME.tar.gz or NAME.zip")
	seconds := flag.Int64("time", 0, "time of every file, in seconds since 1970")
	flag.Parse()
	if *folder == "" || *out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := pack(*folder, *out, time.Unix(*seconds, 0).UTC()); err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
}

// archive takes regular files one after another.
type archive interface {
	// add writes one file; mode has permission bits only.
	add(name string, mode fs.FileMode, size int64, from io.Reader) error
	io.Closer
}

func pack(folder, out string, when time.Time) (err error) {
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	var to archive
	switch {
	case strings.HasSuffix(out, ".tar.gz"):
		to = newTarball(file, when)
	case strings.HasSuffix(out, ".zip"):
		to = newZip(file, when)
	default:
		return fmt.Errorf("%s ends with neither .tar.gz nor .zip", out)
	}
	return errors.Join(fill(to, folder), to.Close())
}

// fill adds the files below a folder in the order of their names.
func fill(to archive, folder string) error {
	base := filepath.Dir(filepath.Clean(folder))
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file", path)
		}
		name, err := filepath.Rel(base, path)
		if err != nil {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		mode := fs.FileMode(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return to.add(filepath.ToSlash(name), mode, info.Size(), file)
	})
}

type tarball struct {
	*tar.Writer
	gzip *gzip.Writer
	when time.Time
}

func newTarball(w io.Writer, when time.Time) *tarball {
	compressed, _ := gzip.NewWriterLevel(w, gzip.BestCompression) // the level is one there is
	return &tarball{tar.NewWriter(compressed), compressed, when}
}

func (t *tarball) add(name string, mode fs.FileMode, size int64, from io.Reader) error {
	header := &tar.Header{Name: name, Mode: int64(mode), Size: size, ModTime: t.when, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
	if err := t.WriteHeader(header); err != nil {
		return err
	}
	_, err := io.Copy(t, from)
	return err
}

// Close ends the archive and then its compression.
func (t *tarball) Close() error { return errors.Join(t.Writer.Close(), t.gzip.Close()) }

type zipped struct {
	*zip.Writer
	when time.Time
}

func newZip(w io.Writer, when time.Time) *zipped {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	return &zipped{z, when}
}

func (z *zipped) add(name string, mode fs.FileMode, _ int64, from io.Reader) error {
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: z.when}
	header.SetMode(mode)
	w, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, from)
	return err
}
