// Command protections takes every protection of server/docs/faults.md out of
// the code, one after the other, and checks that the tests of its row fail
// then. The changed code is an overlay of the build: no file is touched.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

func main() {
	rows := flag.String("run", "", "only protections whose row or test this regular expression matches")
	plain := flag.Bool("plain", true, "first run the tests with all protections in: they must pass")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `usage: go run ./scripts/mutation [-run PATTERN] [-plain=false]

Takes each protection of server/docs/faults.md out of the code, in an overlay,
and runs the tests of its row, which must fail then. All takes about 40 minutes
on two cores; tests of full disks need root.

exit code: 0 when every test failed without its protection, else 1

`)
		flag.PrintDefaults()
	}
	flag.Parse()
	pattern, err := regexp.Compile(*rows)
	if err == nil {
		err = check(pattern, *plain)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "protections:", err)
		os.Exit(1)
	}
}

// check goes through all protections that a pattern matches.
func check(pattern *regexp.Regexp, plain bool) error {
	root, err := repository()
	if err != nil {
		return err
	}
	var chosen []protection
	for _, p := range protections() {
		if p.matches(pattern) {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no row and no test matches %q", pattern)
	}
	if plain {
		if err := allPass(root, chosen); err != nil {
			return err
		}
	}
	bad, tests, rows := 0, 0, map[string]bool{}
	for _, p := range chosen {
		all, err := try(root, p)
		for _, s := range all {
			fmt.Println(s)
			rows[s.row] = true
			tests++
			if !s.good() {
				bad++
			}
		}
		if err != nil {
			fmt.Printf("%-7s | %s | %v\n", "ERROR", p.row, err)
			bad++
		}
	}
	fmt.Printf("\n%d protections taken out, %d rows, %d tests: %d did not fail as they must\n", len(chosen), len(rows), tests, bad)
	if bad > 0 {
		return fmt.Errorf("%d tests do not notice that their protection is gone", bad)
	}
	return nil
}

// repository is the folder of go.mod.
func repository() (string, error) {
	said, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("ask go where the module is: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(said))), nil
}

func (p protection) matches(pattern *regexp.Regexp) bool {
	for _, t := range p.tests {
		if pattern.MatchString(t.name) {
			return true
		}
	}
	return pattern.MatchString(p.row)
}

// allPass runs the tests of the code as it is: one that fails anyway would
// tell nothing.
func allPass(root string, chosen []protection) error {
	tests := map[string]map[string]bool{}
	for _, p := range chosen {
		for _, t := range p.tests {
			top, _, _ := strings.Cut(t.name, "/")
			if tests[t.pkg] == nil {
				tests[t.pkg] = map[string]bool{}
			}
			tests[t.pkg][top] = true
		}
	}
	folder, err := os.MkdirTemp("", "protections")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	for pkg, names := range tests {
		program := filepath.Join(folder, "plain.test")
		if err := build(root, "", program, pkg); err != nil {
			return err
		}
		var each []string
		for name := range names {
			each = append(each, name)
		}
		const limit = 10 * time.Minute
		said := execute(root, program, pkg, "^("+strings.Join(each, "|")+")$", limit)
		for _, name := range each {
			if how, word := judge(said, name); how != passed {
				return fmt.Errorf("%s of %s %s with its protection in: %s", name, pkg, how, word)
			}
		}
		fmt.Printf("%d tests of %s pass as the code is\n", len(each), pkg)
	}
	return nil
}

// String is a line of the table: row, test, how it failed.
func (s seen) String() string {
	const longest = 110
	word := s.word
	if len(word) > longest {
		word = word[:longest] + "…"
	}
	how := string(s.how)
	if !s.good() {
		how = strings.ToUpper(how)
	}
	return fmt.Sprintf("%-7s | %s | %s %s | %4.1f s | %s", how, s.row, s.test.pkg, s.test.name, s.took.Seconds(), word)
}
