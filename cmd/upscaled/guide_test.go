package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guidePages are the pages that people wrote, by their file's name.
func guidePages(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(guideFolder, "*.md"))
	if err != nil || len(paths) < 2 {
		t.Fatalf("pages %v, %v", paths, err)
	}
	pages := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pages[filepath.Base(path)] = string(text)
	}
	return pages
}

// blocks are a page's fenced texts of one language.
func blocks(page, language string) []string {
	var all []string
	for _, match := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(page, -1) {
		all = append(all, match[1])
	}
	return all
}

// Command lines of the manual are ones that the program takes, and so are those
// in its containers and units.
func TestGuideCommands(t *testing.T) {
	t.Parallel()
	inContainer := regexp.MustCompile(`(?:run --rm (?:gpu|cpu)|upscaled:(?:cuda|cpu)) ([a-z].*)$`)
	examined := 0
	for name, page := range guidePages(t) {
		for _, block := range append(blocks(page, "sh"), blocks(page, "systemd")...) {
			for line := range strings.Lines(block) {
				line = strings.TrimPrefix(strings.TrimSpace(line), "ExecStart=/usr/local/bin/")
				arguments, isProgram := strings.CutPrefix(line, "upscaled ")
				if match := inContainer.FindStringSubmatch(line); match != nil {
					arguments, isProgram = match[1], true
				}
				if !isProgram {
					continue
				}
				examined++
				if err := parses(words(arguments)); err != nil {
					t.Errorf("%s: %s: %v", name, line, err)
				}
			}
		}
	}
	if examined < 30 {
		t.Errorf("only %d command lines were found", examined)
	}
}

// Variables and files that the manual names are there.
func TestGuideNames(t *testing.T) {
	t.Parallel()
	named := map[string]bool{}
	for name, page := range guidePages(t) {
		for _, text := range regexp.MustCompile(`UPSCALED_[A-Z0-9_]+`).FindAllString(page, -1) {
			named[text] = true
			// UPSCALED_PORT is in compose.yaml; tests read the other two kinds.
			if variable(text) == nil && text != "UPSCALED_PORT" && !regexp.MustCompile(`^UPSCALED_(TEST|BENCH)_`).MatchString(text) {
				t.Errorf("%s: the program does not know %s", name, text)
			}
		}
		for _, match := range regexp.MustCompile(`(?:scripts/)?deploy/([a-z.-]+[a-z])\b`).FindAllStringSubmatch(page, -1) {
			if _, err := os.Stat(filepath.Join(deployFolder, match[1])); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if len(named) < 5 {
		t.Errorf("only %d variables were found", len(named))
	}
}

// deployed returns the only block of a language on the page about deployment.
func deployed(t *testing.T, language string) string {
	t.Helper()
	found := blocks(guidePages(t)["deploy.md"], language)
	if len(found) != 1 {
		t.Fatalf("%d blocks of %s", len(found), language)
	}
	return found[0]
}

// TestGuideSettings checks that the program accepts the settings files in the guide.
func TestGuideSettings(t *testing.T) {
	t.Parallel()
	examined := 0
	for name, page := range guidePages(t) {
		for _, block := range blocks(page, "toml") {
			examined++
			file := filepath.Join(t.TempDir(), "upscaled.toml")
			if err := os.WriteFile(file, []byte(block), 0o600); err != nil {
				t.Fatal(err)
			}
			got := program(t, &fakeUpscaler{}, map[string]string{"UPSCALED_CONFIG": file, "UPSCALED_DATA": t.TempDir()}, nil, "serve", "--check")
			if got.code != exitOK {
				t.Errorf("%s: %d %s", name, got.code, got.stderr)
			}
		}
	}
	if examined < 2 {
		t.Errorf("only %d settings files were found", examined)
	}
}

// The proxies themselves take the examples of their settings.
func TestGuideProxies(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Run("nginx", func(t *testing.T) {
		nginx, err := exec.LookPath("nginx")
		if err != nil {
			t.Skip("needs Debian's package nginx-light")
		}
		// Without certificates at hand, TLS is left out. nginx -t binds its
		// address, so it is one that any user may bind.
		text := regexp.MustCompile(`(?m)^ *ssl_certificate.*$`).ReplaceAllString(strings.Replace(deployed(t, "nginx"), "443 ssl", "unix:"+filepath.Join(folder, "socket"), 1), "")
		config := write("nginx.conf", fmt.Sprintf("pid %s/pid; error_log stderr; events {}\nhttp { access_log off;\n%s\n}\n", folder, text))
		if said, err := exec.CommandContext(t.Context(), nginx, "-t", "-p", folder, "-c", config).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, said)
		}
	})
	t.Run("caddy", func(t *testing.T) {
		caddy, err := exec.LookPath("caddy")
		if err != nil {
			t.Skip("needs Debian's package caddy")
		}
		config := write("Caddyfile", deployed(t, "caddy"))
		// Adapting checks every directive and, unlike validating, makes nothing.
		if said, err := exec.CommandContext(t.Context(), caddy, "adapt", "--config", config, "--adapter", "caddyfile").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, said)
		}
	})
}

// Every exit code has its meaning in the reference.
func TestExitCodesAreTold(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("exit.go")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, code := range exitCodes() {
		told = append(told, fmt.Sprint(code.Code))
	}
	found := regexp.MustCompile(`(?m)^\texit[A-Z][A-Za-z]* += (\d+)$`).FindAllStringSubmatch(string(text), -1)
	if len(found) < 7 {
		t.Errorf("only %d codes were found", len(found))
	}
	for _, match := range found {
		if !slices.Contains(told, match[1]) {
			t.Errorf("%s has no meaning in exitCodes", match[0])
		}
	}
}
