package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// instruction is one of a Dockerfile, continuation lines joined by a newline.
type instruction struct {
	name  string   // in capitals
	flags []string // such as "--from=build"
	rest  string   // all after the flags
	line  int      // of its first line, from 1
}

// stage is what one FROM begins. The instructions before the first FROM are a
// stage without name and image.
type stage struct {
	name, image  string
	instructions []instruction
}

// parseDockerfile knows what Dockerfile.cuda uses: comments, continuations and
// flags, but no here-documents and no other escape character.
func parseDockerfile(text string) ([]stage, error) {
	stages := []stage{{}}
	scanner := bufio.NewScanner(strings.NewReader(text))
	var pending []string
	first, number := 0, 0
	for scanner.Scan() {
		number++
		line := strings.TrimSpace(scanner.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if len(pending) == 0 {
			first = number
		}
		body, continued := strings.CutSuffix(line, `\`)
		pending = append(pending, body)
		if continued {
			continue
		}
		in := parseInstruction(strings.Join(pending, "\n"), first)
		pending = nil
		if in.name == "FROM" {
			words := strings.Fields(in.rest)
			if len(words) != 3 || !strings.EqualFold(words[1], "as") {
				return nil, fmt.Errorf("line %d: FROM %s gives its stage no name", in.line, in.rest)
			}
			stages = append(stages, stage{name: words[2], image: words[0]})
			continue
		}
		last := &stages[len(stages)-1]
		last.instructions = append(last.instructions, in)
	}
	if len(pending) > 0 {
		return nil, fmt.Errorf("line %d: the last line goes on", number)
	}
	return stages, scanner.Err()
}

func parseInstruction(text string, line int) instruction {
	name, rest, _ := strings.Cut(text, " ")
	in := instruction{name: strings.ToUpper(name), line: line}
	for rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "--"); {
		flag, after, _ := strings.Cut(rest, " ")
		in.flags = append(in.flags, flag)
		rest = strings.TrimSpace(after)
	}
	in.rest = rest
	return in
}

// flag returns the value of --name=value, or "".
func (in instruction) flag(name string) string {
	for _, flag := range in.flags {
		if value, ok := strings.CutPrefix(flag, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}

// list reads the JSON form of an instruction: nil where it has another.
func (in instruction) list(text string) []string {
	var words []string
	if json.Unmarshal([]byte(text), &words) != nil {
		return nil
	}
	return words
}

var assignment = regexp.MustCompile(`([A-Za-z_][A-Za-z0-9_.]*)=("[^"]*"|\S*)`)

// pairs reads the assignments of ENV, ARG and LABEL.
func (in instruction) pairs() map[string]string {
	all := map[string]string{}
	for _, match := range assignment.FindAllStringSubmatch(in.rest, -1) {
		all[match[1]] = strings.Trim(match[2], `"`)
	}
	return all
}

// variables returns the names that ARG or ENV of a stage set.
func (s stage) variables(name string) map[string]string {
	all := map[string]string{}
	for _, in := range s.instructions {
		if in.name == name {
			maps.Copy(all, in.pairs())
		}
	}
	return all
}

// ignoreRules are the lines of a .dockerignore; the last that matches counts.
// Of patterns it knows names from the top and "**/" with one name.
type ignoreRules []string

func readIgnoreRules(file string) (ignoreRules, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var rules ignoreRules
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			rules = append(rules, line)
		}
	}
	return rules, nil
}

// ignores reports whether the build cannot see a path with slashes.
func (rules ignoreRules) ignores(name string) bool {
	ignored := false
	for _, rule := range rules {
		pattern, kept := strings.CutPrefix(rule, "!")
		if matchesIgnore(pattern, name) {
			ignored = !kept
		}
	}
	return ignored
}

func matchesIgnore(pattern, name string) bool {
	anywhere, deep := strings.CutPrefix(pattern, "**/")
	for part := range strings.SplitSeq(name, "/") {
		if ok, _ := path.Match(anywhere, part); ok {
			return true
		}
		if !deep {
			return false // such patterns are of one name at the top
		}
	}
	return false
}

// copyContext copies what a build from the repository sees into a folder.
func copyContext(rules ignoreRules, from, to string) error {
	return filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if err == nil && entry.Name() == ".git" {
				return filepath.SkipDir
			}
			return err
		}
		relative, err := filepath.Rel(from, file)
		if err != nil || !entry.Type().IsRegular() || rules.ignores(filepath.ToSlash(relative)) {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o644)
	})
}
