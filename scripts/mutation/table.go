package main

import (
	"slices"
	"time"
)

// protection is what keeps the promise of a row, and the tests that must fail
// where it is taken out.
type protection struct {
	// row is the first cell of the row in server/docs/faults.md.
	row string
	// without takes the protection out. It has several edits where the promise
	// is kept twice, so that only without both it is broken.
	without []edit
	tests   []test
}

// edit replaces the one occurrence of a text in a file of the repository.
type edit struct{ file, guarded, bare string }

// test is a test in a package, such as ./server/queue. A name may go on with
// subtests, as that of go test -run does.
type test struct {
	pkg, name string
	// hangs says that without the protection the test waits for ever, and how
	// long to give it; 0 is a test that must fail on its own.
	hangs time.Duration
	// short runs it as go test -short does, where that shows as much.
	short bool
}

// protections are all there are, by area.
func protections() []protection {
	return slices.Concat(
		acceptance(), processes(), queue(), access(), clients(), addresses(), requests(), pictures(), results(), strangers(), whole(), crashes(),
	)
}

// out is an edit.
func out(file, guarded, bare string) []edit { return []edit{{file, guarded, bare}} }

// in names tests of a package.
func in(pkg string, names ...string) []test {
	tests := make([]test, len(names))
	for i, name := range names {
		tests[i] = test{pkg: pkg, name: name}
	}
	return tests
}

// soon is longer than the tests take that wait for ever where a protection is
// missing.
const soon = 10 * time.Second

// waiting names tests of a package that may wait for ever.
func waiting(pkg string, names ...string) []test {
	tests := in(pkg, names...)
	for i := range tests {
		tests[i].hangs = soon
	}
	return tests
}
