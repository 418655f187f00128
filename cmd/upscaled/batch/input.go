// Package batch turns what a user named (files, folders, globs, standard
// input) into pictures to make, and makes them: one bad file never stops the
// others, every output appears whole or not at all, and no input is replaced.
package batch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
)

// Standard is the argument that means standard input or output.
const Standard = "-"

// maxFileBytes bounds what is read of one input. A 256 megapixel picture of 16
// bits with alpha is 2 GB uncompressed; nothing sensible is larger than this.
const maxFileBytes = 4 << 30

// Input is one picture file to upscale.
type Input struct {
	// Path is how the user or the folder names it; Standard for standard input.
	Path string
	// Relative is where it lies below the folder that the user named, and its
	// base name where the user named the file itself. It never leaves the
	// folder.
	Relative string
	// Format is what the first bytes say.
	Format imagedata.Format
	// Size is in bytes; it weighs the file in the overall progress.
	Size int64
	// data is set when the file can be read only once (pipes).
	data []byte
}

// Note is a sentence about a path that is no failure.
type Note struct{ Path, Message string }

// Failure is a path that cannot be upscaled, and why.
type Failure struct {
	Path string
	Err  error
}

// Selection is what the user's arguments stand for.
type Selection struct {
	Inputs   []Input
	Notes    []Note
	Failures []Failure
	// Folder says that at least one argument was a folder or a glob, so that
	// the number of inputs is not the user's choice.
	Folder bool
}

// read gives the whole file.
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

// readAll reads to the end, within maxFileBytes. size, where positive, is what
// is expected.
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
	return fault.New(fault.TooLarge, "The file is larger than %d GiB, which no picture needs to be.", maxFileBytes>>30)
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

// unreadable gives an error of the file system a sentence.
func unreadable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.NotFound, "There is no file of this name.")
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Invalid, "You have no permission to read this file.")
	}
	return fault.Wrap(fault.Invalid, err, "The file cannot be read (%s).", reason(err))
}

// reason is what the operating system said, without operation and path.
func reason(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	}
	return strings.TrimSuffix(err.Error(), ".")
}

// sniffFile tells the format of a file from its first bytes.
func sniffFile(path string) (imagedata.Format, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", unreadable(err)
	}
	defer file.Close()
	head := make([]byte, decode.SniffLength)
	n, err := io.ReadFull(file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return "", unreadable(err)
	}
	return decode.Sniff(head[:n])
}

// isJunk tells files that systems and this program leave behind in folders.
func isJunk(name string) bool {
	lower := strings.ToLower(name)
	switch lower {
	case ".ds_store", "thumbs.db", "desktop.ini":
		return true
	}
	return strings.HasPrefix(name, "._") || isTemporary(name)
}

// isOwnOutput tells the names that outputs beside their input get.
func isOwnOutput(name string) bool {
	return strings.HasSuffix(strings.TrimSuffix(name, filepath.Ext(name)), besideSuffix)
}
