package settings

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// value is the value of a setting as pflag wants it.
type value struct {
	declaration Setting
	// fresh says that a list still holds its default, which the first element
	// replaces.
	fresh bool
}

func newValue(d Setting) *value {
	v := &value{declaration: d}
	if v.Type() == "" {
		panic(fmt.Sprintf("setting %s: %T cannot be set", d.Key, d.Into))
	}
	return v
}

// Type is shown in help.
func (v *value) Type() string {
	switch v.declaration.Into.(type) {
	case *string:
		return "string"
	case *bool:
		return "bool"
	case *int:
		return "int"
	case *int64:
		if v.declaration.Count {
			return "int"
		}
		return "size"
	case *float64:
		return "number"
	case *time.Duration:
		return "duration"
	case *[]string:
		return "list"
	}
	return ""
}

// String is the current value; Set takes it back.
func (v *value) String() string {
	switch p := v.declaration.Into.(type) {
	case *string:
		return *p
	case *bool:
		return strconv.FormatBool(*p)
	case *int:
		return strconv.Itoa(*p)
	case *int64:
		if v.declaration.Count {
			return strconv.FormatInt(*p, 10)
		}
		return FormatSize(*p)
	case *float64:
		return strconv.FormatFloat(*p, 'g', -1, 64)
	case *time.Duration:
		return formatDuration(*p)
	case *[]string:
		return strings.Join(*p, ",")
	}
	return ""
}

// Set parses a text.
func (v *value) Set(text string) (err error) {
	switch p := v.declaration.Into.(type) {
	case *string:
		*p = text
	case *bool:
		err = parse(p, text, strconv.ParseBool)
	case *int:
		err = parse(p, text, strconv.Atoi)
	case *int64:
		if v.declaration.Count {
			err = parse(p, text, func(text string) (int64, error) { return strconv.ParseInt(text, 10, 64) })
		} else {
			err = parse(p, text, ParseSize)
		}
	case *float64:
		err = parse(p, text, func(text string) (float64, error) { return strconv.ParseFloat(text, 64) })
	case *time.Duration:
		err = parse(p, text, time.ParseDuration)
	case *[]string:
		if v.fresh {
			*p = nil
		}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				*p = append(*p, part)
			}
		}
	}
	v.fresh = false
	return err
}

func parse[T any](into *T, text string, parse func(string) (T, error)) error {
	parsed, err := parse(text)
	if err == nil {
		*into = parsed
	}
	return err
}

// problem returns why the value is not allowed, or "".
func (v *value) problem() string {
	d := v.declaration
	var number float64
	bound := func(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }
	switch p := d.Into.(type) {
	case *int:
		number = float64(*p)
	case *int64:
		number, bound = float64(*p), func(n float64) string { return FormatSize(int64(n)) }
	case *float64:
		number = *p
	case *time.Duration:
		number, bound = p.Seconds(), func(n float64) string { return formatDuration(time.Duration(n * float64(time.Second))) }
	case *string:
		if len(d.Choices) > 0 && !slices.Contains(d.Choices, *p) {
			return "use " + strings.Join(d.Choices[:len(d.Choices)-1], ", ") + " or " + d.Choices[len(d.Choices)-1]
		}
		return ""
	default:
		return ""
	}
	switch { // NaN is in no range
	case d.Most == 0 && !(number >= d.Least):
		return "it is at least " + bound(d.Least)
	case d.Most != 0 && !(number >= d.Least && number <= d.Most):
		return "it goes from " + bound(d.Least) + " to " + bound(d.Most)
	}
	return ""
}

// formatDuration leaves out the units that are zero: "24h", not "24h0m0s".
func formatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Size is a flag's value for a number of bytes or pixels.
func Size(into *int64) pflag.Value { return newValue(Setting{Into: into}) }

// unit is a suffix of a size.
type unit struct {
	name string
	size int64
}

// units has the preferred name of a size first.
func units() []unit {
	return []unit{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"k", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	}
}

// FormatSize writes a number of bytes or pixels exactly, in the unit that makes
// it shortest.
func FormatSize(n int64) string {
	shortest := strconv.FormatInt(n, 10)
	for _, u := range units() {
		if text := strconv.FormatInt(n/u.size, 10) + u.name; n%u.size == 0 && len(text) <= len(shortest) {
			shortest = text
		}
	}
	return shortest
}

// ParseSize reads a number of bytes or pixels with or without a unit: 1000,
// 256M, 1.5G, 8MiB.
func ParseSize(text string) (int64, error) {
	number := strings.TrimRight(text, "kKmMgGtTiIbB")
	factor := int64(1)
	if name := strings.TrimSpace(text[len(number):]); name != "" {
		at := slices.IndexFunc(units(), func(u unit) bool { return strings.EqualFold(u.name, name) })
		if at < 0 {
			return 0, errSize
		}
		factor = units()[at].size
	}
	number = strings.ReplaceAll(strings.TrimSpace(number), "_", "")
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && n >= 0 && n <= maxSize/factor {
		return n * factor, nil
	}
	n, err := strconv.ParseFloat(number, 64)
	if n *= float64(factor); err != nil || !(n >= 0 && n <= maxSize) {
		return 0, errSize
	}
	return int64(n), nil
}

// maxSize is more than any size of this program and far from overflow.
const maxSize = 1 << 60

var errSize = errors.New("use a number such as 256M or 8MiB")
