package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// overlay writes the changed files of a protection and the file that tells go
// build of them into a folder, and gives the latter's path. The repository
// itself is left as it is.
func overlay(root, folder string, without []edit) (string, error) {
	replaced := map[string]string{}
	for i, e := range without {
		original := filepath.Join(root, filepath.FromSlash(e.file))
		from := original
		if changed, again := replaced[original]; again {
			from = changed
		}
		text, err := os.ReadFile(from)
		if err != nil {
			return "", err
		}
		bare, err := e.apply(string(text))
		if err != nil {
			return "", err
		}
		changed := filepath.Join(folder, strconv.Itoa(i)+".go")
		if err := os.WriteFile(changed, []byte(bare), 0o600); err != nil {
			return "", err
		}
		replaced[original] = changed
	}
	list, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// apply takes the protection out of a file's text.
func (e edit) apply(text string) (string, error) {
	if found := strings.Count(text, e.guarded); found != 1 {
		return "", fmt.Errorf("%s has %d times, not once:\n%s\nwrite down in scripts/mutation what the protection looks like now", e.file, found, e.guarded)
	}
	return strings.Replace(text, e.guarded, e.bare, 1), nil
}
