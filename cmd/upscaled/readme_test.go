package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"upscaled/cmd/upscaled/reference"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/models"
)

var update = flag.Bool("update", false, "write the README's settings table anew")

const readmePath = repository + "/README.md"

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(readmePath)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// bare is a program that runs nothing.
func bare() *app {
	return newApp(streams{stdin: bytes.NewReader(nil), stdout: io.Discard, stderr: io.Discard},
		func(string) (string, bool) { return "", false })
}

// settingsTable is what the README has to say of the flags of the verbs that
// work on pictures and models.
func settingsTable() string {
	root := newRootCommand(bare())
	var b strings.Builder
	section := func(title string, flags *pflag.FlagSet) {
		rows := 0
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Name == "version" {
				return
			}
			if rows++; rows == 1 {
				fmt.Fprintf(&b, "\n%s\n\n| flag | environment | default | meaning |\n| --- | --- | --- | --- |\n", title)
			}
			fmt.Fprintf(&b, "| `--%s` | %s | %s | %s |\n", f.Name, code(strings.Join(f.Annotations[environmentKey], "")), code(reference.Default(f)), f.Usage)
		})
	}
	section("Every verb:", root.PersistentFlags())
	for _, verb := range []string{"upscale", "models list", "models pull", "models import", "models verify", "models export", "doctor", "bench", "serve", "worker", "keys new", "keys list"} {
		cmd, _, err := root.Find(strings.Fields(verb))
		if err != nil {
			return err.Error()
		}
		section("`upscaled "+verb+"`:", cmd.LocalNonPersistentFlags())
	}
	keys, _, err := root.Find([]string{"keys"})
	if err != nil {
		return err.Error()
	}
	section("`upscaled keys`, all of its verbs:", keys.PersistentFlags())
	return b.String()
}

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + text + "`"
}

func TestSettingsTable(t *testing.T) {
	t.Parallel()
	text := readme(t)
	begin, rest, found := cutAfterLine(text, "<!-- settings:")
	_, end, ended := strings.Cut(rest, "<!-- /settings -->")
	if !found || !ended {
		t.Fatal("the README has no markers for its settings table")
	}
	want := begin + settingsTable() + "<!-- /settings -->" + end
	if text == want {
		return
	}
	if *update {
		if err := os.WriteFile(readmePath, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Error("the README's settings are not those of the program; run 'go test ./cmd/upscaled -run TestSettingsTable -update'")
}

// cutAfterLine cuts behind the line that has a mark.
func cutAfterLine(text, mark string) (before, after string, found bool) {
	at := strings.Index(text, mark)
	if at < 0 {
		return text, "", false
	}
	line := strings.IndexByte(text[at:], '\n') + 1
	return text[:at+line], text[at+line:], true
}

// Every flag tells what it does, and every variable is of this program.
func TestFlagsAreDocumented(t *testing.T) {
	t.Parallel()
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		if cmd.Short == "" {
			t.Errorf("%s has no description", cmd.CommandPath())
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if len(f.Usage) < 10 {
				t.Errorf("%s --%s says only %q", cmd.CommandPath(), f.Name, f.Usage)
			}
		})
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(newRootCommand(bare()))
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// Every command line in the README and in --help is one the program takes.
func TestExamplesParse(t *testing.T) {
	t.Parallel()
	var lines []string
	for _, block := range shellBlock.FindAllStringSubmatch(readme(t), -1) {
		lines = append(lines, strings.Split(block[1], "\n")...)
	}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		lines = append(lines, strings.Split(cmd.Example, "\n")...)
		for _, child := range cmd.Commands() {
			visit(child)
		}
	}
	visit(newRootCommand(bare()))
	examined := 0
	for _, line := range lines {
		line = strings.TrimSpace(line)
		rest, isProgram := strings.CutPrefix(line, "upscaled ")
		if fromSource, ok := strings.CutPrefix(line, "go run ./cmd/upscaled "); ok {
			rest, isProgram = fromSource, true
		}
		if !isProgram {
			continue
		}
		examined++
		if err := parses(words(rest)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
	if examined < 15 {
		t.Errorf("only %d examples were found", examined)
	}
	if parses([]string{"upscale", "--no-such-flag", "a.jpg"}) == nil || parses([]string{"upscale"}) == nil {
		t.Error("a wrong command line parses")
	}
}

// words splits a command line at spaces, without quotes and redirections.
func words(line string) []string {
	line, _, _ = strings.Cut(line, " <")
	line, _, _ = strings.Cut(line, " >")
	return strings.Fields(strings.ReplaceAll(line, "'", ""))
}

// parses checks verb, flags, arguments and values without running anything.
func parses(arguments []string) error {
	cmd, rest, err := newRootCommand(bare()).Find(arguments)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

func TestReadmeKnowsExitCodes(t *testing.T) {
	t.Parallel()
	text := readme(t)
	for _, code := range []int{exitOK, exitFailed, exitUsage, exitMissing, exitMemory, exitInternal, exitInterrupted} {
		if !strings.Contains(text, fmt.Sprintf("\n| %d | ", code)) {
			t.Errorf("the README has no exit code %d", code)
		}
	}
}

func TestReadmeKnowsModels(t *testing.T) {
	t.Parallel()
	store, err := models.Open(models.Options{Home: filepath.Join(t.TempDir(), "empty"), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	text := readme(t)
	for _, entry := range store.List() {
		if entry.Kind == models.Upscale && !strings.Contains(text, fmt.Sprintf("\n| %s | %d | %s |", entry.Name, entry.Scale, entry.Licence)) {
			t.Errorf("the README's table has no %s with %dx and %s", entry.Name, entry.Scale, entry.Licence)
		}
	}
}

// The table of formats says what the encoders can.
func TestReadmeKnowsFormats(t *testing.T) {
	t.Parallel()
	says := func(cell string) bool { return cell != "no" && cell != "on white" }
	rows := make(map[imagedata.Format][]string)
	for _, line := range strings.Split(readme(t), "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) != 7 {
			continue
		}
		if format, ok := imagedata.ParseFormat(strings.TrimPrefix(cells[0], "| ")); ok {
			rows[format] = cells
		}
	}
	for _, format := range imagedata.Formats() {
		cells := rows[format]
		if cells == nil {
			t.Errorf("the README has no row for %s", format)
			continue
		}
		can := encode.Capabilities(format)
		got := encode.Capability{
			Alpha: says(cells[3]), Depth16: says(cells[4]), Gray: says(cells[5]),
			Animation: says(strings.TrimSuffix(cells[6], " |")), MaxSide: can.MaxSide,
		}
		if got != can {
			t.Errorf("the README says %s: %+v, the encoder %+v", format, got, can)
		}
	}
}
