// Package settings declares the operator's settings, each one once: its
// key, default, range and help. A setting is set on the command line, by an
// environment variable or in a TOML file, in this order of precedence, under
// names that follow from its key:
//
//	key          queue.lease
//	TOML         [queue]
//	             lease = "30s"
//	environment  UPSCALED_QUEUE_LEASE
//	command line --set queue.lease=30s, or --queue-lease if it has a flag
//
// Sizes are written as 256M or 8MiB, durations as 30s or 24h, everywhere.
package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// EnvironmentKey annotates flags with the variable that sets them too.
const EnvironmentKey = "environment"

// Setting is the declaration of one setting.
type Setting struct {
	// Key is the dotted name: section, if any, and name.
	Key string
	// Into points to the value: *string, *bool, *int, *float64,
	// *time.Duration, *[]string, or *int64 for sizes in bytes or pixels.
	Into any
	// Default is the initial value as text; "" keeps the value that Into points to.
	Default string
	// Help is one line without a full stop.
	Help string
	// Flag declares a flag, too.
	Flag bool
	// Was is the flag that the setting had in earlier versions, if it is not that
	// of Key. Its names are refused with the new ones in the message.
	Was string
	// Least and Most bound numbers, durations in seconds; Most 0 is no bound.
	Least, Most float64
	// Count says that an *int64 is a plain number, not a size.
	Count bool
	// Choices are the only values of a text, if there are any.
	Choices []string
}

// Environment is the variable that sets it.
func (s Setting) Environment() string { return variable(s.Key) }

// FlagName is the name of its flag, whether it has one or not.
func (s Setting) FlagName() string { return strings.ReplaceAll(s.Key, ".", "-") }

// old is the flag name that earlier versions used.
func (s Setting) old() string {
	if s.Was != "" {
		return s.Was
	}
	return s.FlagName()
}

// section and name are the parts of the key in a file.
func (s Setting) section() string { return s.Key[:max(0, strings.LastIndexByte(s.Key, '.'))] }
func (s Setting) name() string    { return s.Key[strings.LastIndexByte(s.Key, '.')+1:] }

func variable(name string) string {
	return "UPSCALED_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
}

// Set holds settings in the order of their declaration.
type Set struct {
	all   []Setting
	flags map[string]*pflag.Flag // by key; also of settings that have no flag
}

// New returns a set of declarations. A declaration that cannot be is a defect
// and panics.
func New(declarations ...[]Setting) *Set {
	s := &Set{all: slices.Concat(declarations...), flags: map[string]*pflag.Flag{}}
	for _, d := range s.all {
		value := newValue(d)
		if d.Default != "" {
			if err := value.Set(d.Default); err != nil {
				panic(fmt.Sprintf("setting %s: default %q: %v", d.Key, d.Default, err))
			}
		}
		value.fresh = true
		s.flags[d.Key] = &pflag.Flag{
			Name: d.FlagName(), Usage: d.Help, Value: value, DefValue: value.String(),
			Annotations: map[string][]string{EnvironmentKey: {d.Environment()}},
		}
		if value.Type() == "bool" {
			s.flags[d.Key].NoOptDefVal = "true"
		}
	}
	return s
}

// AddFlags adds the flags of the settings that have one.
func (s *Set) AddFlags(flags *pflag.FlagSet) {
	for _, d := range s.all {
		if d.Flag {
			flags.AddFlag(s.flags[d.Key])
		}
	}
}

// All returns the declarations.
func (s *Set) All() []Setting { return s.all }

// Lookup returns the setting of a key as a flag, or nil. Its Changed reports
// whether it was set.
func (s *Set) Lookup(key string) *pflag.Flag { return s.flags[key] }

// Arguments returns the command line that passes another process the current
// values.
func Arguments(declarations ...[]Setting) (all []string) {
	for _, d := range slices.Concat(declarations...) {
		if text := newValue(d).String(); d.Flag {
			all = append(all, "--"+d.FlagName()+"="+text)
		} else {
			all = append(all, "--set="+d.Key+"="+text)
		}
	}
	return all
}

// Problems reports the values that are out of range.
func (s *Set) Problems() (problems []string) {
	for _, d := range s.all {
		if problem := s.flags[d.Key].Value.(*value).problem(); problem != "" {
			problems = append(problems, fmt.Sprintf("%s is %s; %s", s.shown(d), s.flags[d.Key].Value, problem))
		}
	}
	return problems
}

// shown is how messages name a setting.
func (s *Set) shown(d Setting) string {
	if d.Flag {
		return "--" + d.FlagName()
	}
	return d.Key
}
