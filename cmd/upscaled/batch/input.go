// Package batch upscales files, folders, globs and standard input. A bad file never
// stops the others, outputs appear complete or not at all, and no input is
// overwritten.
package batch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"upscaled/engine/film"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
)

// Standard is the argument that means standard input or output.
const Standard = "-"

// maxFileBytes bounds the size of an input. An uncompressed image of 256
// megapixels in 16 bits with alpha has 2 GB.
const maxFileBytes = 4 << 30

// Input is one image file to upscale.
type Input struct {
	// Path is the path as the user wrote it, or below a folder; Standard for
	// standard input.
	Path string
	// Relative is the path below the folder that the user named, or the base name
	// of a named file. It never leaves the folder.
	Relative string
	// Format is detected from the first bytes. Film is set if these begin a
	// film, which has none.
	Format imagedata.Format
	Film   bool
	// Size, in bytes, is the file's weight in the overall progress.
	Size int64
	// Page is the page to upscale, counted from 1; 0 is the first, or all of pages.
	Page int
	// pages is the number of pages if all are wanted; each is set if each shall have an
	// output of its own.
	pages int
	each  bool
	// data is set when the file can be read only once (pipes).
	data []byte
}

// Note is a message about a path that is no failure.
type Note struct{ Path, Message string }

// Failure is a path that cannot be upscaled, and the reason.
type Failure struct {
	Path string
	Err  error
}

// Selection is the result of expanding the user's arguments.
type Selection struct {
	Inputs   []Input
	Notes    []Note
	Failures []Failure
	// Folder is set if an argument was a folder or a glob, so that the user did
	// not choose the number of inputs.
	Folder bool
}

// read returns the content of the file.
func (in Input) read() ([]byte, error) {
	if in.data != nil {
		return in.data, nil
	}
	file, err := os.Open(in.Path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer file.Close()
	return readAll(file, in.Size)
}

// readAll reads to the end, at most maxFileBytes. size is the expected number of
// bytes, 0 if unknown.
func readAll(r io.Reader, size int64) ([]byte, error) {
	if size > maxFileBytes {
		return nil, tooLong()
	}
	// One byte more than expected lets the last read see the end of the file
	// without growing the buffer.
	data := make([]byte, 0, max(size, 0)+1)
	for {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, unreadable(err)
		case len(data) > maxFileBytes:
			return nil, tooLong()
		case len(data) == cap(data):
			data = append(data, 0)[:len(data)]
		}
	}
}

func tooLong() error {
	return fault.New(fault.TooLarge, "The file is larger than %d GiB, which no image needs to be.", maxFileBytes>>30)
}

// readPipe reads a stream that can be read only once and may never end; the
// read itself cannot be interrupted, so an ended ctx abandons it.
func readPipe(ctx context.Context, r io.Reader) ([]byte, error) {
	type content struct {
		data []byte
		err  error
	}
	done := make(chan content, 1)
	go func() {
		data, err := readAll(r, 0)
		done <- content{data, err}
	}()
	select {
	case c := <-done:
		return c.data, c.err
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Canceled, ctx.Err(), "Reading was interrupted.")
	}
}

// unreadable turns a file system error into one for users.
func unreadable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "There is no file of this name.")
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Invalid, "You have no permission to read this file.")
	}
	return fault.Wrap(fault.Invalid, err, "The file cannot be read (%s).", reason(err))
}

// reason returns the operating system's message, without operation and path.
func reason(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	} else if link, ok := errors.AsType[*os.LinkError](err); ok {
		err = link.Err
	}
	return strings.TrimSuffix(err.Error(), ".")
}

// sniffFile detects a file's format from its first bytes.
func sniffFile(path string) (in Input, err error) {
	file, err := os.Open(path)
	if err != nil {
		return in, unreadable(err)
	}
	defer file.Close()
	head := make([]byte, decode.SniffLength)
	n, err := io.ReadFull(file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return in, unreadable(err)
	}
	if in.Film = film.Sniff(head[:n]); !in.Film {
		in.Format, err = decode.Sniff(head[:n])
		return in, err
	}
	return in, nil
}

// isJunk reports whether a file was left in a folder by the operating system or by
// this program.
func isJunk(name string) bool {
	lower := strings.ToLower(name)
	switch lower {
	case ".ds_store", "thumbs.db", "desktop.ini":
		return true
	}
	return strings.HasPrefix(name, "._") || isTemporary(name)
}

// isHidden reports whether a folder is not meant for people: it begins with a dot, or
// a network drive, a bin or an archive of macOS made it.
func isHidden(name string) bool {
	switch strings.ToLower(name) {
	case "@eadir", "#recycle", "$recycle.bin", "system volume information", "__macosx", "lost+found":
		return true
	}
	return strings.HasPrefix(name, ".")
}

// isOwnOutput reports whether a name belongs to an output beside its input.
func isOwnOutput(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(name, filepath.Ext(name)), besideSuffix)
}
