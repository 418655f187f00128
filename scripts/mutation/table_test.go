package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// faultRow is a row of server/docs/faults.md with the tests that it names.
type faultRow struct {
	title string
	tests []string
}

func faultRows(t *testing.T) []faultRow {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "server", "guide", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []faultRow
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || strings.HasPrefix(cells[0], " ---") || strings.TrimSpace(cells[0]) == "fault or attack" {
			continue // no row, or the table's head
		}
		names := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(cells[3], -1)
		rows = append(rows, faultRow{strings.TrimSpace(cells[0]), names})
	}
	if len(rows) < 50 {
		t.Fatalf("only %d rows are found: has the table another form?", len(rows))
	}
	return rows
}

// Every test that the table of faults names is seen to fail without what it is
// a test of, or it is said why that cannot be.
func TestEveryRowIsBacked(t *testing.T) {
	t.Parallel()
	backed, rows := map[[2]string]bool{}, map[string]bool{}
	for _, p := range protections() {
		for _, made := range p.tests {
			name, _, _ := strings.Cut(made.name, "/")
			backed[[2]string{p.row, name}] = true
		}
	}
	for _, u := range unseens() {
		if backed[[2]string{u.row, u.test}] {
			t.Errorf("%s of %q is both seen and not", u.test, u.row)
		}
		if len(u.reason) < 20 {
			t.Errorf("%s of %q: no reason", u.test, u.row)
		}
		backed[[2]string{u.row, u.test}] = true
	}
	named := map[[2]string]bool{}
	for _, row := range faultRows(t) {
		rows[row.title] = true
		for _, name := range row.tests {
			named[[2]string{row.title, name}] = true
			if !backed[[2]string{row.title, name}] {
				t.Errorf("faults.md says that %s shows %q: write into scripts/mutation what to take out of the code "+
					"so that it fails, and see that with 'go run ./scripts/mutation -run %s'", name, row.title, name)
			}
		}
		if len(row.tests) == 0 {
			t.Errorf("%q names no test", row.title)
		}
	}
	for pair := range backed {
		if !rows[pair[0]] {
			t.Errorf("faults.md has no row %q", pair[0])
		} else if !named[pair] {
			t.Errorf("the row %q of faults.md does not name %s", pair[0], pair[1])
		}
	}
}

// What is to be taken out is there, once, and so are the tests.
func TestProtectionsAreThere(t *testing.T) {
	t.Parallel()
	for _, p := range protections() {
		if len(p.without) == 0 || len(p.tests) == 0 {
			t.Errorf("%q: nothing is taken out, or nothing tested", p.row)
		}
		if _, err := overlay(root, t.TempDir(), p.without); err != nil {
			t.Errorf("%q: %v", p.row, err)
		}
		for _, made := range p.tests {
			if !hasTest(t, made) {
				t.Errorf("%q: %s has no %s", p.row, made.pkg, made.name)
			}
		}
	}
}

func hasTest(t *testing.T, made test) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, made.pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(made.name, "/")
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}

// Texts that are gone, or there twice, are told.
func TestApply(t *testing.T) {
	t.Parallel()
	e := edit{file: "a.go", guarded: "if x {", bare: "if false {"}
	if got, err := e.apply("a\nif x {\nb"); err != nil || got != "a\nif false {\nb" {
		t.Errorf("%q, %v", got, err)
	}
	for _, text := range []string{"", "if x { if x {"} {
		if _, err := e.apply(text); err == nil || !strings.Contains(err.Error(), "a.go") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// What a test program writes is understood.
func TestJudge(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		said, test string
		how        outcome
		word       string
	}{
		"failed":         {"=== RUN   TestA\n    a_test.go:3: one\n    a_test.go:4: two\n--- FAIL: TestA (0.00s)\nFAIL\n", "TestA", failed, "two"},
		"passed":         {"=== RUN   TestA\n--- PASS: TestA (0.00s)\nPASS\n", "TestA", passed, ""},
		"skipped":        {"=== RUN   TestA\n    a_test.go:3: no root\n--- SKIP: TestA (0.00s)\nPASS\n", "TestA", skipped, "no root"},
		"panic":          {"=== RUN   TestA\npanic: as asked\n\ngoroutine 1\n", "TestA", failed, "panic: as asked"},
		"hung":           {"=== RUN   TestA\npanic: test timed out after 1s\n", "TestA", hung, "waits for ever"},
		"absent":         {"testing: warning: no tests to run\nPASS\n", "TestA", absent, "there is no such test"},
		"subtest":        {"=== RUN   TestA\n=== RUN   TestA/b\n--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n        a_test.go:3: three\n", "TestA/b", failed, "three"},
		"passed subtest": {"=== RUN   TestA\n=== RUN   TestA/b\n--- PASS: TestA (0.00s)\n    --- PASS: TestA/b (0.00s)\n", "TestA/b", passed, ""},
		"absent subtest": {"=== RUN   TestA\n--- PASS: TestA (0.00s)\n", "TestA/b", absent, "there is no such subtest"},
	} {
		if how, word := judge(c.said, c.test); how != c.how || word != c.word {
			t.Errorf("%s: %s, %q", name, how, word)
		}
	}
}
