package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// patience is how long a test may take that is to fail on its own.
const patience = 3 * time.Minute

// outcome is how a test ended.
type outcome string

const (
	passed  outcome = "passed"
	failed  outcome = "failed"
	skipped outcome = "skipped"
	hung    outcome = "hung"
	absent  outcome = "not run"
)

// build makes a package's test program; overlay is "" for the code as it is.
func build(root, overlay, program, pkg string) error {
	arguments := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", program} // links in half the time
	if overlay != "" {
		arguments = append(arguments, "-overlay", overlay)
	}
	command := exec.Command("go", append(arguments, pkg)...)
	command.Dir = root
	said, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s does not build: %w\n%s", pkg, err, said)
	}
	return nil
}

// execute runs the tests of a pattern as go test -run knows it, and gives what
// they wrote.
func execute(root, program, pkg, pattern string, limit time.Duration, more ...string) string {
	const margin = 30 * time.Second // for the test program to tell of its own limit
	ctx, stop := context.WithTimeout(context.Background(), limit+margin)
	defer stop()
	arguments := append([]string{"-test.v", "-test.run", pattern, "-test.timeout", limit.String()}, more...)
	command := exec.CommandContext(ctx, program, arguments...)
	command.Dir = filepath.Join(root, filepath.FromSlash(pkg))
	command.WaitDelay = time.Second // where a process of the test keeps its streams open
	defer group(command)()
	said, _ := command.CombinedOutput() // what it says tells how it ended
	if ctx.Err() != nil {
		return string(said) + "\n" + timedOut
	}
	return string(said)
}

// timedOut is what a test program says that is over its limit.
const timedOut = "panic: test timed out after"

// judge tells from what a test program wrote how one test ended, and its last
// word on that.
func judge(said, name string) (outcome, string) {
	top, _, _ := strings.Cut(name, "/")
	verdict := regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): ` + regexp.QuoteMeta(top) + ` \(`).FindStringSubmatch(said)
	switch {
	case strings.Contains(said, timedOut):
		return hung, "waits for ever"
	case verdict == nil && !strings.Contains(said, "=== RUN   "+top+"\n"):
		return absent, "there is no such test"
	case verdict == nil:
		return failed, lastWord(said)
	case verdict[1] == "FAIL":
		return failed, lastWord(said)
	case verdict[1] == "SKIP":
		return skipped, lastWord(said)
	case strings.Contains(name, "/") && !strings.Contains(said, "    --- PASS: "+top+"/"):
		return absent, "there is no such subtest"
	}
	return passed, ""
}

// lastWord is the last line that a test has written about its failure: that of
// a crash, or one that names a line of the test.
func lastWord(said string) string {
	crash := regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*|SIG[A-Z]+: .*)$`).FindString(said)
	lines := regexp.MustCompile(`(?m)^ +[a-z0-9_]+\.go:[0-9]+: (.*)$`).FindAllStringSubmatch(said, -1)
	if crash != "" {
		return crash
	}
	for i := len(lines) - 1; i >= 0; i-- {
		if word := strings.TrimSpace(lines[i][1]); word != "" && !strings.HasPrefix(word, "time=") { // a log is shown last
			return word
		}
	}
	rest := strings.Split(strings.TrimSpace(said), "\n")
	return rest[len(rest)-1]
}

// limit is how long a test may take.
func (t test) limit() time.Duration {
	if t.hangs > 0 {
		return t.hangs
	}
	return patience
}

// more are further arguments of the test program.
func (t test) more() []string {
	if t.short {
		return []string{"-test.short"}
	}
	return nil
}

// pattern is what go test -run takes for this test alone.
func (t test) pattern() string {
	parts := strings.Split(t.name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}

// try runs the tests of one protection without it.
func try(root string, p protection) ([]seen, error) {
	folder, err := os.MkdirTemp("", "protections")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	changed, err := overlay(root, folder, p.without)
	if err != nil {
		return nil, err
	}
	var all []seen
	built := map[string]string{}
	for i, t := range p.tests {
		program := built[t.pkg]
		if program == "" {
			program = filepath.Join(folder, fmt.Sprintf("%d.test", i))
			if err := build(root, changed, program, t.pkg); err != nil {
				return all, err
			}
			built[t.pkg] = program
		}
		began := time.Now()
		how, word := judge(execute(root, program, t.pkg, t.pattern(), t.limit(), t.more()...), t.name)
		all = append(all, seen{row: p.row, test: t, how: how, word: word, took: time.Since(began)})
	}
	return all, nil
}

// seen is what came of a test without a protection.
type seen struct {
	row  string
	test test
	how  outcome
	word string
	took time.Duration
}

// good says that the test has noticed.
func (s seen) good() bool { return s.how == failed || s.how == hung && s.test.hangs > 0 }
