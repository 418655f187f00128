// Package reference writes the reference of a command line from its commands, as
// Markdown and as manual pages.
package reference

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Page describes one command.
type Page struct {
	// Path is the full name, such as "upscaled models pull".
	Path string
	// Usage is the usage line, such as "upscaled models pull NAME... [flags]".
	Usage string
	// Short is one line without a full stop, Long a text in paragraphs or "".
	Short, Long string
	// Examples are lines without indentation.
	Examples []string
	// Flags are the command's own, Inherited those of its parents; both are sorted
	// by name.
	Flags, Inherited []Flag
	// Children are the paths of the commands directly below.
	Children []string
}

// Flag describes one flag.
type Flag struct {
	Name, Usage string
	// Environment is the variable that sets it too, or "".
	Environment string
	// Default is "" if it is zero or the usage states it.
	Default string
	// Value is the type of its values, "" for switches.
	Value string
}

// ExitCode is one exit code of the program.
type ExitCode struct {
	Code    int
	Meaning string
}

// Pages returns the pages of a command and of all below it, parents first, without
// hidden commands and flags and those that cobra adds. environmentKey is the
// annotation of flags that holds their variable.
func Pages(root *cobra.Command, environmentKey string) []Page {
	page := Page{
		Path: root.CommandPath(), Usage: root.UseLine(), Short: root.Short, Long: strings.TrimSpace(root.Long),
		Flags:     describe(root.NonInheritedFlags(), environmentKey),
		Inherited: describe(root.InheritedFlags(), environmentKey),
	}
	for line := range strings.Lines(root.Example) {
		page.Examples = append(page.Examples, strings.TrimSpace(line))
	}
	var below []Page
	for _, child := range root.Commands() {
		if child.Hidden || child.Deprecated != "" || child.Name() == "help" || child.Name() == "completion" {
			continue
		}
		page.Children = append(page.Children, child.CommandPath())
		below = append(below, Pages(child, environmentKey)...)
	}
	return append([]Page{page}, below...)
}

func describe(flags *pflag.FlagSet, environmentKey string) []Flag {
	var all []Flag
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" || f.Name == "version" {
			return
		}
		value := f.Value.Type()
		if value == "bool" {
			value = ""
		}
		all = append(all, Flag{
			Name: f.Name, Usage: f.Usage, Default: Default(f), Value: value,
			Environment: strings.Join(f.Annotations[environmentKey], " "),
		})
	})
	slices.SortFunc(all, func(a, b Flag) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Default returns a flag's default, or "" if it is zero or the usage states it.
func Default(f *pflag.Flag) string {
	if strings.Contains(f.Usage, "(default") || f.DefValue == "[]" || f.DefValue == "false" {
		return ""
	}
	if n, err := strconv.ParseFloat(f.DefValue, 64); err == nil && n == 0 {
		return ""
	}
	return f.DefValue
}
