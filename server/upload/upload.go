// Package upload reads multipart/form-data requests in bounded memory. Missing
// files, and those that are too large or of the wrong type, are left to the
// dialects, which report them in their vendor's words.
package upload

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"slices"
	"strings"

	"upscaled/models/fault"
)

// Limits limit one request.
type Limits struct {
	// FileBytes is the size of the largest file kept in memory.
	FileBytes int64
	// Files is how many files a request may hold; more are an error.
	Files int
	// Bytes, unless 0, is how many bytes of files are kept in memory; more are an
	// *http.MaxBytesError.
	Bytes int64
	// Large, if not nil, keeps files on disk.
	Large *Large
}

// Large are files that are kept on disk.
type Large struct {
	// Is reports by its first bytes whether a file is one of them.
	Is func(head []byte) bool
	// Create makes a file; Bytes is the size of the largest.
	Create func() (*os.File, error)
	Bytes  int64
	// Written is called with the number of bytes that were written.
	Written func(bytes int64)
}

// Limits that no honest client reaches.
const (
	maxFields      = 100
	maxFieldBytes  = 64 << 10
	maxDiscardSize = 64 << 20 // how much of a file beyond FileBytes is counted
)

// File is one file part.
type File struct {
	// Field is the form's field name, Name the client's file name.
	Field, Name string
	// Data is the whole file, nil when Size exceeds the limit or the file is on disk.
	Data []byte
	// Disk is the file on disk, nil for others.
	Disk *os.File
	// Size is the file's length in bytes, counted up to maxDiscardSize.
	Size int64
}

// Form is a request's text fields (the first value of each name) and files in order.
type Form struct {
	Fields map[string]string
	Files  []File
	held   int64 // bytes of files in memory
}

// File returns the first file of a field name.
func (f Form) File(field string) (File, bool) {
	for _, file := range f.Files {
		if file.Field == field {
			return file, true
		}
	}
	return File{}, false
}

// Close removes the files on disk.
func (f Form) Close() {
	for _, file := range f.Files {
		if file.Disk != nil {
			_, _ = file.Disk.Close(), os.Remove(file.Disk.Name())
		}
	}
}

// IsMultipart reports whether a request's content type is multipart/form-data.
func IsMultipart(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "multipart/form-data"
}

// Read reads the request's body. The caller closes the form, also after an error. A
// body that is not a form is fault.Unsupported; a damaged form is fault.Invalid; more
// files or fields than allowed is fault.TooLarge. A file over Limits.FileBytes is not
// an error: it has no data. A part with a file name is a file whatever its declared
// content type; one without is a file only if fileFields lists its field, since some
// clients send no file names.
func Read(r *http.Request, limits Limits, fileFields ...string) (Form, error) {
	if !IsMultipart(r) {
		return Form{}, fault.New(fault.Unsupported, "The request must be multipart/form-data.")
	}
	reader, err := r.MultipartReader()
	if err != nil {
		return Form{}, damaged(err)
	}
	form := Form{Fields: map[string]string{}}
	for fields := 0; ; {
		part, err := reader.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return form, finish(r.Body)
		case err != nil:
			return form, damaged(err)
		}
		if isFile(part, fileFields) {
			err = form.addFile(part, limits)
		} else if fields++; fields > maxFields { //guard:form-fields TestLimits
			err = fault.New(fault.TooLarge, "The form has more than %d fields.", maxFields)
		} else {
			err = form.addField(part)
		}
		if err != nil {
			return form, err
		}
	}
}

// finish discards the bytes after the form: net/http notices a client that
// disconnects only once the body has been read to its end.
func finish(body io.Reader) error {
	if _, err := io.CopyN(io.Discard, body, maxFieldBytes); err != nil && !errors.Is(err, io.EOF) {
		return damaged(err)
	}
	return nil
}

func isFile(part *multipart.Part, fileFields []string) bool {
	_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if _, named := parameters["filename"]; err == nil && named {
		return true
	}
	kind := part.Header.Get("Content-Type")
	return slices.Contains(fileFields, part.FormName()) && kind != "" && !strings.HasPrefix(kind, "text/plain")
}

func (f *Form) addFile(part *multipart.Part, limits Limits) error {
	if len(f.Files) >= limits.Files {
		return fault.New(fault.TooLarge, "The form has more than %d files.", limits.Files)
	}
	in := bufio.NewReaderSize(part, headBytes)
	file := File{Field: part.FormName(), Name: part.FileName()}
	if head, err := in.Peek(headBytes); err != nil && !errors.Is(err, io.EOF) {
		return damaged(err)
	} else if limits.Large != nil && limits.Large.Is(head) {
		err := file.keep(in, *limits.Large)
		f.Files = append(f.Files, file)
		return err
	}
	data, err := io.ReadAll(io.LimitReader(in, limits.FileBytes+1))
	if err != nil {
		return damaged(err)
	}
	file.Data, file.Size = data, int64(len(data))
	//guard:form-bytes TestLargeFiles
	if f.held += file.Size; limits.Bytes > 0 && f.held > limits.Bytes {
		return &http.MaxBytesError{Limit: limits.Bytes}
	}
	//guard:form-file FuzzRead
	if file.Size > limits.FileBytes {
		rest, err := io.Copy(io.Discard, io.LimitReader(in, maxDiscardSize))
		if err != nil {
			return damaged(err)
		}
		file.Data, file.Size = nil, file.Size+rest
	}
	f.Files = append(f.Files, file)
	return nil
}

// headBytes of a file show its kind.
const headBytes = 512

// keep writes the file to disk. One that is too large is cut, and its Size exceeds the
// limit.
func (f *File) keep(in io.Reader, to Large) (err error) {
	if f.Disk, err = to.Create(); err != nil {
		return fmt.Errorf("keep file: %w", err)
	}
	piece := make([]byte, 256<<10)
	for f.Size <= to.Bytes {
		n, err := in.Read(piece)
		if _, failed := f.Disk.Write(piece[:n]); failed != nil {
			return fault.Wrap(fault.Busy, failed, "The server's disk is full. Please try again later.")
		}
		f.Size += int64(n)
		to.Written(int64(n))
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return damaged(err)
		}
	}
	return nil
}

func (f *Form) addField(part *multipart.Part) error {
	value, err := io.ReadAll(io.LimitReader(part, maxFieldBytes+1))
	if err != nil {
		return damaged(err)
	}
	if len(value) > maxFieldBytes {
		return fault.New(fault.TooLarge, "A field of the form is longer than %d bytes.", maxFieldBytes)
	}
	if _, given := f.Fields[part.FormName()]; !given {
		f.Fields[part.FormName()] = strings.TrimSpace(string(value))
	}
	return nil
}

func damaged(err error) error {
	return fault.Wrap(fault.Invalid, fmt.Errorf("read form: %w", err), "The multipart form is damaged or incomplete.")
}

// ParseBool parses a boolean as form clients write it, in any case.
func ParseBool(text string) (value, ok bool) {
	switch strings.ToLower(text) {
	case "true", "1", "yes", "on":
		return true, true
	case "false", "0", "no", "off":
		return false, true
	}
	return false, false
}
