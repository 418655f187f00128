package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"upscaled/scripts/licence"
)

// goCommand gives what the go command prints, and both of its outputs in the
// error where it does not succeed.
func goCommand(ctx context.Context, arguments ...string) (string, error) {
	return goFor(ctx, "", arguments...)
}

// goFor is goCommand for another operating system; "" is this one.
func goFor(ctx context.Context, system string, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Env = append(os.Environ(), "CGO_ENABLED=1")
	if system != "" {
		command.Env = append(command.Env, "GOOS="+system)
	}
	var out, wrong bytes.Buffer
	command.Stdout, command.Stderr = &out, &wrong
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w\n%s%s", strings.Join(arguments, " "), err, out.Bytes(), wrong.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}

// tidy fails with the difference where go mod tidy would change something.
func tidy(ctx context.Context) (string, error) {
	if _, err := goCommand(ctx, "mod", "tidy", "-diff"); err != nil {
		return "", fmt.Errorf("not tidy, run go mod tidy: %w", err)
	}
	return "tidy", nil
}

// module is what go list tells of one.
type module struct{ Path, Version, Dir string }

// moduleLicences checks every module in the program or in its tests, on any of
// the systems that releases are made for.
func moduleLicences(ctx context.Context) (string, error) {
	const format = `{{with .Module}}{{if not .Main}}{"Path":"{{.Path}}","Version":"{{.Version}}","Dir":"{{.Dir}}"}{{end}}{{end}}`
	var seen []module
	for _, system := range []string{"linux", "windows", "darwin"} {
		listed, err := goFor(ctx, system, "list", "-deps", "-test", "-f", format, "./...")
		if err != nil {
			return "", err
		}
		for line := range strings.Lines(listed) {
			var m module
			if err := json.Unmarshal([]byte(strings.ReplaceAll(line, `\`, `\\`)), &m); err != nil {
				return "", fmt.Errorf("read the list of modules: %w", err)
			}
			if !slices.Contains(seen, m) {
				seen = append(seen, m)
			}
		}
	}
	var all error
	for _, m := range seen {
		files, err := licence.Files(m.Dir, true)
		if err == nil {
			err = licence.Check(files)
		}
		if err != nil {
			all = errors.Join(all, fmt.Errorf("%s %s: %w", m.Path, m.Version, err))
		}
	}
	return fmt.Sprintf("%d modules, all allowed", len(seen)), all
}

// npmLicences checks the packages that npm has installed in a folder, by the
// list it keeps there.
func npmLicences(folder string) (string, error) {
	text, err := os.ReadFile(filepath.Join(folder, "node_modules", ".package-lock.json"))
	if err != nil {
		return "", fmt.Errorf("read npm's list: %w", err)
	}
	var list struct {
		Packages map[string]struct{ Version, License string }
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return "", fmt.Errorf("read npm's list: %w", err)
	}
	if len(list.Packages) == 0 {
		return "", errors.New("npm's list names no package")
	}
	var all error
	for path, p := range list.Packages {
		if !licence.Allowed(p.License) {
			all = errors.Join(all, fmt.Errorf("%s %s: its licence is %q, which is not allowed", path, p.Version, p.License))
		}
	}
	return fmt.Sprintf("%d packages, all allowed", len(list.Packages)), all
}
