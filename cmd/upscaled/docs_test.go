package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"upscaled/server/dialect/native"
)

// documents are the manual's pages and the README, by their path from the
// repository's root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"README.md": readme(t)}
	for name, page := range guidePages(t) {
		all["server/docs/"+name] = page
	}
	return all
}

// outsideBlocks is a page without its fenced texts.
func outsideBlocks(page string) string {
	return regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(page, "")
}

// allFlags are those of all commands, with what they default to.
func allFlags() map[string]*pflag.Flag {
	all := map[string]*pflag.Flag{}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		note := func(f *pflag.Flag) { all[f.Name] = f }
		cmd.LocalFlags().VisitAll(note)
		cmd.PersistentFlags().VisitAll(note)
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(newRootCommand(bare()))
	return all
}

// Flags and commands that texts name are there. A star stands for the rest of
// several names, as in --face-*.
func TestDocumentedNames(t *testing.T) {
	t.Parallel()
	flags := allFlags()
	known := func(name string) bool {
		prefix, many := strings.CutSuffix(name, "*")
		for flag := range flags {
			if flag == name || many && strings.HasPrefix(flag, prefix) {
				return true
			}
		}
		return false
	}
	// Those of stable-diffusion-webui and docker.
	foreign := []string{"api-auth", "gpus", "profile"}
	flagName := regexp.MustCompile(`--([a-z][a-z0-9-]*\*?)`)
	examined := 0
	for path, page := range documents(t) {
		if strings.HasSuffix(path, cliPage) { // made from the flags
			continue
		}
		for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(outsideBlocks(page), -1) {
			span := strings.Join(strings.Fields(match[1]), " ")
			rest, isProgram := strings.CutPrefix(span, "upscaled ")
			if !isProgram && !strings.HasPrefix(span, "--") {
				continue
			}
			examined++
			for _, flag := range flagName.FindAllStringSubmatch(span, -1) {
				if !known(flag[1]) && !slices.Contains(foreign, flag[1]) {
					t.Errorf("%s: `%s`: there is no --%s", path, span, flag[1])
				}
			}
			if command := strings.Fields(rest); isProgram {
				if cmd, _, err := newRootCommand(bare()).Find(command); err != nil || !cmd.HasParent() {
					t.Errorf("%s: `%s`: there is no such command", path, span)
				}
			}
		}
	}
	if examined < 60 {
		t.Errorf("only %d names were found", examined)
	}
	if known("no-such-flag") || known("nothing*") {
		t.Error("every name is known")
	}
}

// slug is what a heading's anchor is called.
func slug(heading string) string {
	kept := regexp.MustCompile(`[^a-z0-9 _-]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}

func hasHeading(page, anchor string) bool {
	for _, match := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(outsideBlocks(page), -1) {
		if slug(match[1]) == anchor {
			return true
		}
	}
	return false
}

// Every link leads to a file of the repository, or to a heading, or to the
// server's own page of the API.
func TestDocumentedLinks(t *testing.T) {
	t.Parallel()
	pages, examined := documents(t), 0
	for path, page := range pages {
		for _, match := range regexp.MustCompile(`\]\(([^)\s]+)\)`).FindAllStringSubmatch(outsideBlocks(page), -1) {
			examined++
			target, anchor, _ := strings.Cut(match[1], "#")
			if target == "/docs/api" || strings.HasPrefix(target, "https://") {
				continue
			}
			to := path
			if target != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(path), target))
			}
			if _, err := os.Stat(filepath.Join(repository, to)); err != nil {
				t.Errorf("%s: %s leads nowhere: %v", path, match[1], err)
			} else if anchor != "" && !hasHeading(pages[to], anchor) {
				t.Errorf("%s: %s: %s has no such heading", path, match[1], to)
			}
		}
	}
	if examined < 20 {
		t.Errorf("only %d links were found", examined)
	}
	if !hasHeading("# A 1, b\n", "a-1-b") || hasHeading("```\n# c\n```\n", "c") {
		t.Error("headings are not recognised")
	}
}

// tableRows are the cells of a page's tables, without those of the heads.
func tableRows(page string) [][]string {
	var all [][]string
	lines := strings.Split(page, "\n")
	for i, line := range lines {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| --") || i+1 < len(lines) && strings.HasPrefix(lines[i+1], "| --") {
			continue
		}
		var cells []string
		for cell := range strings.SplitSeq(strings.Trim(line, "| "), " | ") {
			cells = append(cells, strings.TrimSpace(cell))
		}
		all = append(all, cells)
	}
	return all
}

// The options that the native API takes are those of its page.
func TestDocumentedOptions(t *testing.T) {
	t.Parallel()
	_, page, found := strings.Cut(guidePages(t)["native.md"], "\n## Options\n")
	if !found {
		t.Fatal("the page has no options")
	}
	page, _, _ = strings.Cut(page, "\n## ")
	documented := map[string]bool{}
	for _, row := range tableRows(page) {
		documented[strings.Trim(row[0], "`")] = true
	}
	options := reflect.TypeFor[native.Options]()
	for field := range options.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !documented[name] {
			t.Errorf("native.md does not tell of %s", name)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("native.md tells of %s, which the API does not know", name)
	}
}

// allSettings are those of all commands by key, with what they default to.
func allSettings() map[string]*pflag.Flag {
	a, all := bare(), map[string]*pflag.Flag{}
	newRootCommand(a)
	for _, set := range a.declared {
		for _, d := range set.All() {
			all[d.Key] = set.Lookup(d.Key)
		}
	}
	return all
}

// documented returns a flag's default as pages write it: a space before binary units.
func documented(f *pflag.Flag) string {
	return regexp.MustCompile(`([0-9])([KMG]iB)$`).ReplaceAllString(f.DefValue, "$1 $2")
}

// The pages of the APIs list every limit and price, with the program's defaults.
func TestDocumentedLimits(t *testing.T) {
	t.Parallel()
	all, missing := allSettings(), map[string]bool{}
	for key := range all {
		if strings.HasPrefix(key, "apis.") {
			missing[key] = true
		}
	}
	for name, page := range guidePages(t) {
		for _, row := range tableRows(page) {
			key := strings.Trim(row[len(row)-1], "`")
			if len(row) != 3 || name == "cli.md" || !strings.HasPrefix(key, "apis.") {
				continue
			}
			delete(missing, key)
			if f := all[key]; f == nil {
				t.Errorf("%s: there is no setting %s", name, key)
			} else if got := strings.Trim(row[1], "`"); got != documented(f) {
				t.Errorf("%s: %s is documented as %q, its default is %q", name, key, got, documented(f))
			}
		}
	}
	for key := range missing {
		t.Errorf("no page tells of %s", key)
	}
}

// Keys of settings that texts name are there.
func TestDocumentedSettings(t *testing.T) {
	t.Parallel()
	all, sections := allSettings(), map[string]bool{}
	for key := range all {
		if section, _, found := strings.Cut(key, "."); found {
			sections[section] = true
		}
	}
	name := regexp.MustCompile("`([a-z]+)\\.([a-z0-9.-]+)( = [^`]+)?`")
	examined := 0
	for path, page := range documents(t) {
		for _, match := range name.FindAllStringSubmatch(outsideBlocks(page), -1) {
			if key := match[1] + "." + match[2]; sections[match[1]] {
				examined++
				if all[key] == nil {
					t.Errorf("%s: there is no setting %s", path, key)
				}
			}
		}
	}
	if examined < 60 {
		t.Errorf("only %d settings were found", examined)
	}
}

// literals are all texts in the program's code, tests left out; tests are the
// names of all tests.
func literals(t *testing.T) (texts []string, tests map[string]bool) {
	t.Helper()
	tests = map[string]bool{}
	err := filepath.WalkDir(repository, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		isTest := strings.HasSuffix(path, "_test.go")
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				tests[n.Name.Name] = isTest || tests[n.Name.Name]
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && !isTest {
					texts = append(texts, text)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts, tests
}

// unsaid returns the first part of a message that the program never says; an
// ellipsis stands for what differs from case to case.
func unsaid(texts []string, message string) string {
	for part := range strings.SplitSeq(message, "…") {
		said := false
		for _, text := range texts {
			said = said || strings.Contains(text, strings.TrimSpace(part))
		}
		if !said {
			return part
		}
	}
	return ""
}

// Messages that the page about trouble quotes, as headings, are the program's;
// tests that the page about faults names are there.
func TestDocumentedMessages(t *testing.T) {
	t.Parallel()
	texts, tests := literals(t)
	quoted := regexp.MustCompile("(?m)^### `(.+)`$").FindAllStringSubmatch(guidePages(t)["trouble.md"], -1)
	for _, match := range quoted {
		if part := unsaid(texts, match[1]); part != "" {
			t.Errorf("trouble.md: the program never says %q of %q", part, match[1])
		}
	}
	if len(quoted) < 15 || unsaid(texts, "This is said … by nobody.") == "" {
		t.Errorf("%d messages were found", len(quoted))
	}
	named := 0
	for _, row := range tableRows(guidePages(t)["faults.md"]) {
		for _, name := range regexp.MustCompile(`\b(?:Test|Fuzz)[A-Z]\w+`).FindAllString(row[len(row)-1], -1) {
			named++
			if !tests[name] {
				t.Errorf("faults.md: there is no %s", name)
			}
		}
	}
	if named < 20 || tests["TestNothing"] || tests["newRootCommand"] {
		t.Errorf("%d tests are named", named)
	}
}
