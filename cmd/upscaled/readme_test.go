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

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/encode"
	"upscaled/models"
)

var update = flag.Bool("update", false, "write generated pages of the guide")

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

// maxReadme is the README's limit in bytes: details belong in the guide.
const maxReadme = 9000

func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	if size := len(readme(t)); size > maxReadme {
		t.Errorf("the README has %d bytes, more than %d: move details to the guide", size, maxReadme)
	}
}

// Every flag has a usage, and every variable belongs to this program.
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

// parses checks command, flags, arguments and values without running anything.
func parses(arguments []string) error {
	if _, isImage := imagedata.ParseFormat(filepath.Ext(arguments[0])); isImage { // a file that exists needs no command
		arguments = append([]string{"upscale"}, arguments...)
	}
	cmd, rest, err := newRootCommand(bare()).Find(arguments)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

// The guide's table of models has every model of the catalogue, and what the
// README's has agrees with it.
func TestTableOfModels(t *testing.T) {
	t.Parallel()
	store, err := models.Open(models.Options{Home: filepath.Join(t.TempDir(), "empty"), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	guide, short := guidePages(t)["models.md"], readme(t)
	for _, entry := range store.List() {
		name := fmt.Sprintf("\n| %s |", entry.Name)
		row := fmt.Sprintf("%s %d | %s |", name, entry.Scale, entry.Licence)
		if entry.Kind == models.Upscale && !strings.Contains(guide, row) {
			t.Errorf("models.md has no row %q", row)
		}
		if entry.Kind == models.Upscale && strings.Contains(short, name) && !strings.Contains(short, row) {
			t.Errorf("the README has another row than %q", row)
		}
	}
}

// The table of formats has the capabilities of the encoders.
func TestTableOfFormats(t *testing.T) {
	t.Parallel()
	says := func(cell string) bool { return cell != "no" && cell != "on white" }
	rows := make(map[imagedata.Format][]string)
	for line := range strings.SplitSeq(guidePages(t)["formats.md"], "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) != 8 {
			continue
		}
		for _, format := range imagedata.Formats() {
			if format.Name() == strings.TrimPrefix(cells[0], "| ") {
				rows[format] = cells
			}
		}
	}
	for _, format := range imagedata.Formats() {
		cells := rows[format]
		if cells == nil {
			t.Errorf("formats.md has no row for %s", format)
			continue
		}
		can := encode.Capabilities(format)
		got := encode.Capability{
			Alpha: says(cells[3]), Depth16: says(cells[4]), Gray: says(cells[5]),
			Animation: says(cells[6]), Profile: says(strings.TrimSuffix(cells[7], " |")), MaxSide: can.MaxSide, Lossless: can.Lossless,
		}
		if got != can {
			t.Errorf("formats.md has %s: %+v, the encoder %+v", format, got, can)
		}
	}
}
