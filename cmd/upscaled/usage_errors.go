package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"upscaled/cmd/upscaled/settings"
	"upscaled/models"
)

// explainMistakes makes a command and all below it report wrong flags and
// arguments with similar names and the expected values.
func explainMistakes(cmd *cobra.Command, known func() []settings.Setting) {
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return flagMistake(cmd, known, err) })
	cmd.Args = checkArguments
	for _, command := range cmd.Commands() {
		explainMistakes(command, known)
	}
}

// checkArguments checks a command's arguments against its usage line: a name is
// one argument, "..." allows more and brackets make it optional.
func checkArguments(cmd *cobra.Command, arguments []string) error {
	if len(arguments) > 0 && cmd.HasSubCommands() {
		kind, name := "command", cmd.CommandPath()+" "+arguments[0]
		if !cmd.HasParent() { // the name of a file is enough to upscale it
			kind, name = "command or file", arguments[0]
		}
		return fmt.Errorf("there is no %s %q%s", kind, name, suggestion("", arguments[0], subcommands(cmd)))
	}
	names := strings.Fields(cmd.Use)[1:]
	least, endless := len(names), strings.Contains(cmd.Use, "...")
	if strings.Contains(cmd.Use, "[") {
		least--
	}
	if input := cmd.Flags().Lookup("ncnn-i"); input != nil && input.Changed {
		least--
	}
	usage := strings.TrimSuffix(cmd.UseLine(), " [flags]")
	switch {
	case len(arguments) < least:
		return fmt.Errorf("%s is missing: %s", strings.TrimSuffix(names[len(arguments)], "..."), usage)
	case len(arguments) > len(names) && !endless:
		return fmt.Errorf("%q is one argument too many: %s", arguments[len(names)], usage)
	}
	return nil
}

// subcommands returns the names of a command's subcommands.
func subcommands(cmd *cobra.Command) (names []string) {
	for _, command := range cmd.Commands() {
		if command.IsAvailableCommand() {
			names = append(names, command.Name())
		}
	}
	return names
}

// flagMistake replaces pflag's errors, which quote Go's number parser and suggest
// no similar names.
func flagMistake(cmd *cobra.Command, known func() []settings.Setting, err error) error {
	var unknown *pflag.NotExistError
	var value *pflag.InvalidValueError
	var missing *pflag.ValueRequiredError
	switch {
	case errors.As(err, &unknown):
		if unknown.GetSpecifiedShortnames() != "" {
			return fmt.Errorf("'%s' has no flag -%s", cmd.CommandPath(), unknown.GetSpecifiedName())
		}
		var names []string
		cmd.Flags().VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
		typed := unknown.GetSpecifiedName()
		if moved := settings.Moved(typed, known()); moved != "" && cmd.Flags().Lookup("set") != nil {
			return errors.New(moved)
		}
		return fmt.Errorf("'%s' has no flag --%s%s", cmd.CommandPath(), typed, suggestion("--", typed, names))
	case errors.As(err, &missing):
		flag := missing.GetFlag()
		return fmt.Errorf("--%s needs %s: %s", flag.Name, cmp.Or(settings.Takes(flag), "a value"), flag.Usage)
	case errors.As(err, &value):
		flag := value.GetFlag()
		return fmt.Errorf("--%s takes %s, not %q: %s", flag.Name, cmp.Or(settings.Takes(flag), "another value"), value.GetValue(), flag.Usage)
	}
	return err
}

// suggestion returns the names similar to a typed word, or "".
func suggestion(prefix, typed string, names []string) string {
	near := models.Near(typed, names)
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + prefix + strings.Join(near, " or "+prefix) + "?"
}
