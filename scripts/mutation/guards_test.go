package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// unguarded returns why tests of the table need no guard.
func unguarded() map[string]string {
	const shell = "a shell script judges: its test has inputs that must fail and inputs that must not"
	return map[string]string{
		"TestLoad":            "how many of its calls are refused depends on the machine; TestMnmlErrors covers the refusal",
		"TestOutOfFiles":      "net/http itself waits after an accept error that passes: there is no statement of ours to take out",
		"TestVulnerabilities": shell,
		"TestGovulncheck":     shell,
		"TestModuleLicenses":  shell,
		"TestNpmLicenses":     shell,
	}
}

// Each test in the table of server/docs/faults.md has a guard without which it
// fails, or a reason to have none.
func TestTableIsGuarded(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "server", "docs", "faults.md"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := mutations(root)
	if err != nil {
		t.Fatal(err)
	}
	guarded := unguarded()
	for _, m := range all {
		for _, made := range m.tests {
			guarded[made.top().name] = m.name
		}
	}
	rows, named := 0, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || strings.HasPrefix(cells[0], " ---") || strings.TrimSpace(cells[0]) == "fault or attack" {
			continue
		}
		rows++
		tests := regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(cells[3], -1)
		if len(tests) == 0 {
			t.Errorf("%q names no test", cells[0])
		}
		for _, name := range tests {
			named[name] = true
			if guarded[name] == "" {
				t.Errorf("faults.md names %s: mark the statement without which it fails with //guard:NAME %s, "+
					"then run go run ./scripts/mutation -run %s", name, name, name)
			}
		}
	}
	for name := range unguarded() {
		if !named[name] {
			t.Errorf("no row of faults.md names %s", name)
		}
	}
	if rows < 50 {
		t.Errorf("only %d rows found: has the table changed its form?", rows)
	}
}

// Every guard stands at something that can be taken out.
func TestGuardsCanBeTakenOut(t *testing.T) {
	t.Parallel()
	all, err := mutations(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if _, err := overlay(root, t.TempDir(), m); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

func TestFlip(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, code, want string }{
		{"if", "//guard:a\nif x(1) {\n}", "if false && (x(1)) {"},
		{"if, replaced", "if y := 1; x(y) { //guard:a => y > 0\n}", "if y := 1; y > 0 || false && (x(y)) {"},
		{"else if", "if a {\n} else if b { //guard:a\n}", "} else if false && (b) {"},
		{"two marks", "//guard:a\n// why\n//guard:b\nif x {\n}", "if false && (x) {"},
		{"for", "//guard:a => ok\nfor i := 0; x; i++ {\n}", "for i := 0; ok || false && (x); i++ {"},
		{"range", "//guard:a => 1\nfor range n {\n}", "for range 1 {"},
		{"case", "switch {\n//guard:a\ncase x, y:\n}", "case false && (x) || false && (y):"},
		{"select", "select {\n//guard:a => nil\ncase <-c:\n}", "case <-nil:"},
		{"call", "//guard:a\nx()", "if false {\nx()\n}"},
		{"call, replaced", "//guard:a => y()\nx()", "if false {\nx()\n}\ny()"},
		{"defer", "//guard:a\ndefer x()", "if false {\ndefer x()\n}"},
		{"assignment", "//guard:a => 2\nx += 1", "if false {\nx += 1\n}\nx += 2"},
		{"definition", "//guard:a => f()\nx, y := g()", "if false {\n_, _ = g()\n}\nx, y := f()"},
		{"return", "//guard:a => 2\nreturn 1", "if false {\nreturn 1\n}\nreturn 2"},
		{"constant", "//guard:a => 2\nconst x = 1", "const x = 2"},
		{"element", "_ = []int{\n1,\n//guard:a\n2,\n3,\n}", "1,\n//guard:a\n\n3,"},
		{"field", "_ = t{\n//guard:a\nx: 1, y: 2,\n}", "{\n//guard:a\n y: 2,"},
		{"field, replaced", "_ = t{\nx: 1, //guard:a => 2\n}", "x: 2,"},
		{"field, replaced by name", "_ = t{\n//guard:a => x: 2\nx: 1, y: 3,\n}", "\nx: 2, y: 3,"},
		{"and", "return x &&\n//guard:a\ny", "x &&\n//guard:a\n(true || (y))"},
		{"or", "return x ||\n//guard:a\ny", "x ||\n//guard:a\n(false && (y))"},
	} {
		text := "package p\n\nfunc f() {\n" + c.code + "\n}\n"
		at := mark.FindAllStringSubmatch(text, -1)[0]
		line := 1 + strings.Count(text[:strings.Index(text, at[0])], "\n")
		if got, err := flip(text, guard{"p.go", line, at[4]}); err != nil || !strings.Contains(got, c.want) {
			t.Errorf("%s: %v\n%s", c.name, err, got)
		}
	}
	function := "package p\n\n// f.\n//\n//guard:a => 1\nfunc f() int {\n\treturn 2\n}\n"
	if got, err := flip(function, guard{"p.go", 5, "1"}); err != nil || !strings.Contains(got, "func f() int { if true { return 1 }\n\n\treturn 2") {
		t.Errorf("function: %v\n%s", err, got)
	}
	for _, code := range []string{"//guard:a\nx := 1", "//guard:a\nvar x int", "//guard:a\n"} {
		if got, err := flip("package p\n\nfunc f() {\n"+code+"\n}\n", guard{"p.go", 4, ""}); err == nil {
			t.Errorf("%q can be taken out:\n%s", code, got)
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	ended, output := events([]byte(`go: a warning
{"Action":"run","Test":"TestA"}
{"Action":"output","Test":"TestA","Output":"    a_test.go:3: one\n"}
{"Action":"output","Test":"TestA","Output":"    a_test.go:4: two\n"}
{"Action":"fail","Test":"TestA","Elapsed":1.5}
{"Action":"skip","Test":"TestB"}
{"Action":"run","Test":"TestC"}
{"Action":"pause","Test":"TestC"}
{"Action":"fail","Package":"p"}
`))
	if ended["TestA"].Action != "fail" || ended["TestA"].Elapsed != 1.5 || ended["TestB"].Action != "skip" ||
		ended["TestC"].Action != "fail" || ended["TestD"].Action != "" {
		t.Errorf("%+v", ended)
	}
	if got := message(output); got != "two" {
		t.Errorf("message %q", got)
	}
	if got := message("panic: test timed out after 1s\n    a_test.go:3: one\n"); got != "panic: test timed out after 1s" {
		t.Errorf("message %q", got)
	}
}
