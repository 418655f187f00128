package settings

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/pflag"
)

// Sources are where settings come from beside their own flags.
type Sources struct {
	// Assigned are the KEY=VALUE texts of --set.
	Assigned  []string
	LookupEnv func(string) (string, bool)
	// File is the path of a TOML file, "" for none.
	File string
	// Own are the settings of the running command, Known those of all: one
	// file may serve them all.
	Own, Known []Setting
}

// Load sets the settings that the command line did not set and returns all mistakes.
func (s *Set) Load(from Sources) []string {
	problems := slices.Concat(s.loadAssignments(from), s.loadEnvironment(from.LookupEnv))
	if from.File != "" {
		problems = append(problems, s.loadFile(from.File, from.Known)...)
	}
	return problems
}

func has(all []Setting, key string) bool {
	return slices.ContainsFunc(all, func(d Setting) bool { return d.Key == key })
}

// apply sets one setting from a text; where names the origin.
func apply(flag *pflag.Flag, text, where string) (problems []string) {
	if err := flag.Value.Set(text); err != nil {
		return []string{fmt.Sprintf("%s: %q is not %s", where, text, Takes(flag))}
	}
	flag.Changed = true
	return nil
}

func (s *Set) loadAssignments(from Sources) (problems []string) {
	for _, assignment := range from.Assigned {
		key, text, found := strings.Cut(assignment, "=")
		switch {
		case !found:
			problems = append(problems, fmt.Sprintf("--set takes KEY=VALUE, such as queue.lease=1m, not %q", assignment))
		case s.flags[key] != nil:
			problems = append(problems, apply(s.flags[key], text, "--set "+key)...)
		case has(from.Own, key):
		case has(from.Known, key):
			problems = append(problems, fmt.Sprintf("--set: %q is a setting of another command", key))
		default:
			problems = append(problems, "--set: "+unknown(key, from.Known))
		}
	}
	return problems
}

// loadEnvironment counts a variable that is set and empty as not set.
func (s *Set) loadEnvironment(lookupEnv func(string) (string, bool)) (problems []string) {
	for _, d := range s.all {
		if old := variable(d.old()); old != d.Environment() {
			if text, _ := lookupEnv(old); text != "" {
				problems = append(problems, fmt.Sprintf("%s is called %s now", old, d.Environment()))
			}
		}
		if text, _ := lookupEnv(d.Environment()); text != "" && !s.flags[d.Key].Changed {
			problems = append(problems, apply(s.flags[d.Key], text, d.Environment())...)
		}
	}
	return problems
}

func (s *Set) loadFile(path string, known []Setting) []string {
	tree := map[string]any{}
	if _, err := toml.DecodeFile(path, &tree); errors.Is(err, os.ErrNotExist) {
		return []string{fmt.Sprintf("the settings file %s does not exist", path)}
	} else if err != nil {
		return []string{fmt.Sprintf("the settings file %s is not TOML: %v", path, err)}
	}
	values := map[string]string{}
	flatten(values, "", tree)
	var problems []string
	for key, text := range values {
		flag := s.flags[key]
		if flag == nil && has(known, key) {
			continue
		}
		//guard:settings-names FuzzSettingsFile => false
		if flag == nil {
			problems = append(problems, path+": "+unknown(key, known))
			continue
		}
		//guard:settings-order TestPrecedence => true
		if !flag.Changed {
			problems = append(problems, apply(flag, text, path+": "+key)...)
		}
	}
	slices.Sort(problems)
	return problems
}

// flatten collects the values of nested tables by their dotted keys.
func flatten(into map[string]string, prefix string, tree map[string]any) {
	for name, node := range tree {
		switch node := node.(type) {
		case map[string]any:
			flatten(into, prefix+name+".", node)
		case []any:
			var parts []string
			for _, part := range node {
				parts = append(parts, fmt.Sprint(part))
			}
			into[prefix+name] = strings.Join(parts, ",")
		default:
			into[prefix+name] = fmt.Sprint(node)
		}
	}
}

// unknown returns the message for a key that is no setting, with its new name if it
// was renamed.
func unknown(key string, known []Setting) string {
	if d := renamed(key, known); d != nil {
		return fmt.Sprintf("%q is %s now", key, place(*d))
	}
	return fmt.Sprintf("%q is no setting", key)
}

// Moved returns how to set the setting of a removed flag, or "" if there never was
// such a flag.
func Moved(flag string, known []Setting) string {
	if d := renamed(flag, known); d != nil {
		return fmt.Sprintf("--%s is %s now: use --set %s=VALUE, %s or the settings file", flag, place(*d), d.Key, d.Environment())
	}
	return ""
}

func renamed(old string, known []Setting) *Setting {
	for _, d := range known {
		if d.old() == old && d.Key != old {
			return &d
		}
	}
	return nil
}

// place describes the place of a setting in a file.
func place(d Setting) string {
	if d.section() == "" {
		return d.Key
	}
	return fmt.Sprintf("%s in the section [%s]", d.name(), d.section())
}

// Takes describes the values of a flag, or returns "" for plain text.
func Takes(flag *pflag.Flag) string {
	return map[string]string{
		"int": "a whole number", "int64": "a whole number", "intSlice": "whole numbers",
		"number": "a number", "float64": "a number", "size": "a size such as 256M or 8MiB",
		"duration": "a time such as 30s or 5m", "bool": "true or false",
	}[flag.Value.Type()]
}
