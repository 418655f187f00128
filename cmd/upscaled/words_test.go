package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Comments say what something returns or reports, in the words of the standard
// library: "tell" and "give" are nearly always a longer way to say "return".
func TestCommentsReadLikeGo(t *testing.T) {
	t.Parallel()
	const maxPerMille, minReturns = 3, 400
	vague := regexp.MustCompile(`(?i)\b(tells?|gives?)\b`)
	returns := regexp.MustCompile(`(?i)\breturns?\b`)
	lines, returning := 0, 0
	var found []string
	for _, s := range sources(t) {
		if strings.HasSuffix(s.path, "_test.go") {
			continue
		}
		for number, line := range strings.Split(s.text, "\n") {
			comment, ok := strings.CutPrefix(strings.TrimSpace(line), "//")
			if !ok || strings.HasPrefix(comment, "guard:") {
				continue
			}
			lines++
			if returns.MatchString(comment) {
				returning++
			}
			if vague.MatchString(comment) {
				found = append(found, fmt.Sprintf("%s:%d:%s", s.path, number+1, comment))
			}
		}
	}
	if 1000*len(found) >= maxPerMille*lines {
		t.Errorf("%d of %d comment lines say tell or give, fewer than %d per mille may:\n%s", len(found), lines, maxPerMille, strings.Join(found, "\n"))
	}
	if returning < minReturns {
		t.Errorf("%d comment lines say return, at least %d must", returning, minReturns)
	}
	t.Logf("%d of %d comment lines say tell or give, %d return", len(found), lines, returning)
}

// privateWord matches words that are not the field's for images, models, CPUs and
// scales.
var privateWord = regexp.MustCompile(`(?i)\b(pictures?|networks (of|that|for)|processors?|enlarges?d?|colours?|licences?)\b`)

// flagName matches names of flags, which keep their words.
var flagName = regexp.MustCompile(`--[a-z-]+`)

// What users read says image, model, CPU, color and license.
func TestUserTexts(t *testing.T) {
	t.Parallel()
	var found []string
	check := func(path string, line int, text string) {
		if word := privateWord.FindString(flagName.ReplaceAllString(text, "")); word != "" {
			found = append(found, fmt.Sprintf("%s:%d: %q in %q", path, line, word, text))
		}
	}
	for _, s := range sources(t) {
		if strings.HasSuffix(s.path, "_test.go") || within(s.folder, "scripts", "server/dialect/ailab") {
			continue // the API's own words, in its golden files
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if _, tag := n.(*ast.Field); tag {
				return false // struct tags and names of fields
			}
			if _, imports := n.(*ast.ImportSpec); imports {
				return false
			}
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, _ := strconv.Unquote(literal.Value)
				if strings.Contains(text, " ") { // a text, and no key or name on the wire
					check(s.path, s.position(literal.Pos()).Line, text)
				}
			}
			return true
		})
	}
	for _, pattern := range []string{"README.md", "server/docs/*.md", "server/docs/*.html", "server/web/*/*.html", "server/web/*/*.js", "server/web/*.html", "server/web/*.js"} {
		files, err := filepath.Glob(filepath.Join(repository, filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			code := false
			for number, line := range strings.Split(string(text), "\n") {
				if strings.HasPrefix(strings.TrimSpace(line), "```") {
					code = !code
				}
				if !code {
					check(strings.TrimPrefix(filepath.ToSlash(file), repository+"/"), number+1, regexp.MustCompile("`[^`]*`|\\]\\([^)]*\\)").ReplaceAllString(line, ""))
				}
			}
		}
	}
	if len(found) > 0 {
		t.Errorf("%d texts have words that users do not know:\n%s", len(found), strings.Join(found, "\n"))
	}
}
