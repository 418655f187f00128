package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// configFlag names the settings file.
const configFlag = "config"

// addFileFlag lets a verb's settings come from a file too.
func addFileFlag(flags *pflag.FlagSet) {
	flags.String(configFlag, "", "TOML file with settings by flag name, such as: listen = \"127.0.0.1:8080\"; flags and environment win over it")
	fromEnvironment(flags, configFlag)
}

// applyFile sets from the file what neither the command line nor the
// environment has set, and gives everything that is wrong with it.
func applyFile(cmd *cobra.Command) []string {
	flag := cmd.Flags().Lookup(configFlag)
	if flag == nil || flag.Value.String() == "" {
		return nil
	}
	path := flag.Value.String()
	values := map[string]any{}
	if _, err := toml.DecodeFile(path, &values); errors.Is(err, os.ErrNotExist) {
		return []string{fmt.Sprintf("the settings file %s does not exist", path)}
	} else if err != nil {
		return []string{fmt.Sprintf("the settings file %s is not TOML: %v", path, err)}
	}
	var problems []string
	for name, value := range values {
		// One file may serve all verbs: what only another one has is left out.
		if cmd.Flags().Lookup(name) == nil && isSetting(cmd.Root(), name) {
			continue
		}
		if err := applyValue(cmd.Flags(), name, value); err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", path, err))
		}
	}
	slices.Sort(problems)
	return problems
}

// isSetting says whether any verb has a setting of that name.
func isSetting(cmd *cobra.Command, name string) bool {
	for _, flags := range []*pflag.FlagSet{cmd.PersistentFlags(), cmd.LocalFlags()} {
		if flag := flags.Lookup(name); flag != nil && len(flag.Annotations[environmentKey]) > 0 {
			return true
		}
	}
	for _, child := range cmd.Commands() {
		if isSetting(child, name) {
			return true
		}
	}
	return false
}

func applyValue(flags *pflag.FlagSet, name string, value any) error {
	flag := flags.Lookup(name)
	//guard:settings-names FuzzSettingsFile => flag == nil
	if flag == nil || name == configFlag || len(flag.Annotations[environmentKey]) == 0 {
		return fmt.Errorf("%q is no setting", name)
	}
	//guard:settings-names => flag.Changed && name != configFlag
	if flag.Changed {
		return nil
	}
	text := fmt.Sprint(value)
	if list, ok := value.([]any); ok {
		parts := make([]string, 0, len(list))
		for _, part := range list {
			parts = append(parts, fmt.Sprint(part))
		}
		text = strings.Join(parts, ",")
	}
	if err := flags.Set(name, text); err != nil {
		return fmt.Errorf("%s = %q is no value for --%s", name, text, name)
	}
	return nil
}

// mistaken is a usageError of all problems, or nil.
func mistaken(problems []string) error {
	switch len(problems) {
	case 0:
		return nil
	case 1:
		return usageError{errors.New(problems[0])}
	}
	return usageError{errors.New("the settings have these problems:\n  " + strings.Join(problems, "\n  "))}
}
