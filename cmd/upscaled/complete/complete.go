// Package complete offers shells the values of flags and arguments.
package complete

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"upscaled/cmd/upscaled/settings"
	"upscaled/engine/imagedata"
	"upscaled/models"
)

// Words returns values, each with its description after a tab.
type Words func() []cobra.Completion

// List returns words that never change.
func List(words ...string) Words { return func() []cobra.Completion { return words } }

// Program supplies the values.
type Program struct {
	// OpenStore opens the store of models, loading the settings before.
	OpenStore func() (*models.Store, error)
	Settings  []settings.Setting
	Devices   Words
}

// Everywhere offers values in all commands.
func Everywhere(root *cobra.Command, p Program) {
	entries := func(wanted func(models.Entry) bool) Words { return Models(p.OpenStore, wanted) }
	upscaling := func(e models.Entry) bool { return e.Kind == models.Upscale }
	words := map[string]Words{
		"model": entries(upscaling), "format": Formats, "device": p.Devices,
		"face-restorer": entries(func(e models.Entry) bool { return e.RestoresFaces }),
		"precision":     List("auto", "float32", "float16", "bfloat16"),
		"cpu-engine":    List("auto", "onnxruntime"), "tune": List("auto", "off", "always"), "pages": List("all", "each"),
		"set": func() []cobra.Completion { return Settings(p.Settings) },
	}
	for _, setting := range p.Settings {
		if len(setting.Choices) > 0 {
			words[setting.FlagName()] = List(setting.Choices...)
		}
	}
	Register(root, words)
	installed := func(e models.Entry) bool { return e.Installed }
	for command, wanted := range map[string]func(models.Entry) bool{
		"pull": func(e models.Entry) bool { return !e.Installed }, "rm": installed, "verify": installed,
		"export": func(e models.Entry) bool { return e.Installed && upscaling(e) },
	} {
		if cmd, _, err := root.Find([]string{"models", command}); err == nil {
			cmd.ValidArgsFunction = offer(entries(wanted))
		}
	}
}

// Register offers the values of flags by their name, in a command and all below it.
func Register(cmd *cobra.Command, flags map[string]Words) {
	cmd.LocalFlags().VisitAll(func(flag *pflag.Flag) {
		if words := flags[flag.Name]; words != nil {
			_ = cmd.RegisterFlagCompletionFunc(flag.Name, offer(words))
		}
	})
	for _, each := range cmd.Commands() {
		Register(each, flags)
	}
}

func offer(words Words) cobra.CompletionFunc {
	return func(_ *cobra.Command, used []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		left := slices.DeleteFunc(slices.Clone(words()), func(word cobra.Completion) bool { return slices.Contains(used, Value(word)) })
		return left, cobra.ShellCompDirectiveNoFileComp
	}
}

// Formats returns the formats that can be written.
func Formats() (all []cobra.Completion) {
	for _, format := range imagedata.Outputs() {
		all = append(all, cobra.CompletionWithDesc(string(format), format.Name()))
	}
	return all
}

// Models returns those models and libraries of a store that are wanted.
func Models(open func() (*models.Store, error), wanted func(models.Entry) bool) Words {
	return func() (all []cobra.Completion) {
		store, err := open()
		if err != nil {
			return nil
		}
		for _, entry := range store.List() {
			if wanted(entry) {
				all = append(all, cobra.CompletionWithDesc(entry.Name, entry.Description))
			}
		}
		return all
	}
}

// Settings returns the keys that --set takes.
func Settings(all []settings.Setting) (words []cobra.Completion) {
	for _, s := range all {
		words = append(words, cobra.CompletionWithDesc(s.Key+"=", s.Help))
	}
	slices.Sort(words)
	return slices.Compact(words)
}

// Value returns a word without its description.
func Value(word cobra.Completion) string {
	value, _, _ := strings.Cut(word, "\t")
	return value
}
