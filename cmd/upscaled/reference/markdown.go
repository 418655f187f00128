package reference

import (
	"fmt"
	"io"
	"strings"
)

// Markdown writes all pages as one document, with a table of contents, the
// settings that have no flag and the exit codes.
func Markdown(w io.Writer, pages []Page, settings []Flag, codes []ExitCode) error {
	var b strings.Builder
	name := pages[0].Path
	fmt.Fprintf(&b, "# Command line\n\n<!-- written by '%s reference --markdown'; do not edit -->\n\n", name)
	fmt.Fprintf(&b, "`%s VERB --help` shows the same in the terminal. A setting with a variable comes from its\n"+
		"flag, else from the environment, else from the file named by `--config` for commands that\nhave that flag, else it is the default. A variable that is set and empty counts as not set.\n\n", name)
	b.WriteString("| command | what it does |\n| --- | --- |\n")
	for _, page := range pages[1:] {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", page.Path, anchor(page.Path), cell(page.Short))
	}
	fmt.Fprintf(&b, "\n## Every command\n\n")
	flagTable(&b, pages[0].Flags)
	for _, page := range pages[1:] {
		section(&b, page)
	}
	b.WriteString("\n## Settings without a flag\n\nThe part before the last dot is the section of the TOML file. `--set KEY=VALUE` sets them on the\ncommand line, and `upscaled config` prints them all. Sizes are written as `256M` or `8MiB`.\n\n" +
		"| key | environment | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range settings {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(f.Name), code(f.Environment), code(f.Default), cell(f.Usage))
	}
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n")
	for _, code := range codes {
		fmt.Fprintf(&b, "| %d | %s |\n", code.Code, cell(code.Meaning))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func section(b *strings.Builder, page Page) {
	fmt.Fprintf(b, "\n## %s\n\n", page.Path)
	if page.Long == "" {
		fmt.Fprintf(b, "%s.\n", page.Short)
	} else {
		fmt.Fprintf(b, "%s\n", page.Long)
	}
	fmt.Fprintf(b, "\n```\n%s\n```\n", page.Usage)
	if len(page.Examples) > 0 {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", strings.Join(page.Examples, "\n"))
	}
	if len(page.Flags) > 0 {
		b.WriteByte('\n')
		flagTable(b, page.Flags)
	}
}

func flagTable(b *strings.Builder, flags []Flag) {
	b.WriteString("| flag | environment | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, f := range flags {
		name := "--" + f.Name
		if f.Value != "" {
			name += " " + f.Value
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", code(name), code(f.Environment), code(f.Default), cell(f.Usage))
	}
}

// anchor returns the URL fragment of a heading in Markdown viewers.
func anchor(heading string) string { return strings.ReplaceAll(strings.ToLower(heading), " ", "-") }

func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + cell(text) + "`"
}

// cell escapes a text for a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", `\|`), "\n", " ")
}
