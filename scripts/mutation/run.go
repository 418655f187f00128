package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// runner runs tests of the module in a folder.
type runner struct {
	root   string
	limits map[test]time.Duration // by top-level test
}

// runUnchanged runs the tests of all mutations on the unchanged code, since a
// test that fails anyway shows nothing, and limits each to a multiple of the
// time that it took.
func (r *runner) runUnchanged(chosen []mutation) error {
	tests := map[string][]string{}
	for _, m := range chosen {
		for _, t := range m.tests {
			if top := t.top(); !slices.Contains(tests[t.pkg], top.name) {
				tests[t.pkg] = append(tests[t.pkg], top.name)
			}
		}
	}
	for _, pkg := range slices.Sorted(maps.Keys(tests)) {
		ended, output := r.goTest("", pkg, "^("+strings.Join(tests[pkg], "|")+")$", 15*time.Minute)
		for _, name := range tests[pkg] {
			if ended[name].Action != "pass" {
				return fmt.Errorf("%s of %s does not pass on the unchanged code:\n%s", name, pkg, output)
			}
			limit := 20*time.Second + time.Duration(5*ended[name].Elapsed*float64(time.Second))
			if path.Base(pkg) == "e2e" {
				limit += 3 * time.Minute // TestMain builds the changed program
			}
			r.limits[test{pkg, name}] = limit
		}
		fmt.Printf("%d tests of %s pass on the unchanged code\n", len(tests[pkg]), pkg)
	}
	return nil
}

// runWithout runs the tests of one mutation, prints a line for each and returns
// how many did not notice it.
func (r *runner) runWithout(m mutation) (bad int, err error) {
	folder, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	changed, err := overlay(r.root, folder, m)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", m.name, err)
	}
	for _, t := range m.tests {
		ended, output := r.goTest(changed, t.pkg, t.pattern(), r.limits[t.top()])
		verdict := ended[t.name].Action
		if verdict != "fail" {
			bad++
			verdict = "NOT NOTICED (" + verdict + ")"
		}
		fmt.Printf("%s | %s | %s %s | %s\n", verdict, m.name, t.pkg, t.name, message(output))
	}
	return bad, nil
}

// overlay writes the changed files of a mutation, and the list of them that go
// build takes, and returns the list's path.
func overlay(root, folder string, m mutation) (string, error) {
	replaced, list := map[string]string{}, filepath.Join(folder, "overlay.json")
	for i, g := range slices.Backward(m.guards) { // changing a line moves those below it
		original := filepath.Join(root, filepath.FromSlash(g.file))
		from := original
		if changed, again := replaced[original]; again {
			from = changed
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		without, err := flip(string(text), g)
		if err != nil {
			return "", err
		}
		replaced[original] = filepath.Join(folder, strconv.Itoa(i)+".go")
		if err := os.WriteFile(replaced[original], []byte(without), 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	return list, os.WriteFile(list, text, 0o600)
}

// event is a line of go test -json.
type event struct {
	Action, Test, Output string
	Elapsed              float64 // seconds
}

// goTest runs tests of a package and returns how each ended, and all output.
func (r *runner) goTest(overlay, pkg, pattern string, limit time.Duration) (map[string]event, string) {
	const building = 5 * time.Minute
	ctx, stop := context.WithTimeout(context.Background(), limit+building)
	defer stop()
	command := exec.CommandContext(ctx, "go", "test", "-json", "-count=1", "-vet=off", "-tags=e2e", "-ldflags=-s -w", // links in half the time
		"-timeout="+limit.String(), "-run="+pattern, pkg)
	command.Dir = r.root
	if overlay != "" { // for programs that tests build, too
		command.Env = append(os.Environ(), "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay)
	}
	command.WaitDelay = time.Second // for descendants that keep the output open
	defer group(command)()
	output, _ := command.CombinedOutput() // the events report how it ended
	return events(output)
}

// events reads the output of go test -json.
func events(output []byte) (map[string]event, string) {
	var text strings.Builder
	ended := map[string]event{}
	for line := range bytes.Lines(output) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			text.Write(line) // of the go command itself
			continue
		}
		text.WriteString(e.Output)
		switch e.Action {
		case "run":
			e.Action = "fail" // if it crashes or hangs, no other event follows
			ended[e.Test] = e
		case "pass", "fail", "skip":
			ended[e.Test] = e
		}
	}
	return ended, text.String()
}

// message returns the crash in a test's output, else the last line that names
// a line of the test.
func message(output string) string {
	found := regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*|SIG[A-Z]+: .*)$`).FindString(output)
	if found == "" {
		lines := regexp.MustCompile(`(?m)^ +[a-z0-9_]+\.go:[0-9]+: (.*[^\s].*)$`).FindAllStringSubmatch(output, -1)
		if lines == nil {
			return strings.TrimSpace(output)
		}
		found = lines[len(lines)-1][1]
	}
	return found
}

// top returns the test without subtests.
func (t test) top() test {
	name, _, _ := strings.Cut(t.name, "/")
	return test{t.pkg, name}
}

// pattern returns the argument of go test -run for this test alone.
func (t test) pattern() string {
	parts := strings.Split(t.name, "/")
	for i, part := range parts {
		parts[i] = "^" + regexp.QuoteMeta(part) + "$"
	}
	return strings.Join(parts, "/")
}
