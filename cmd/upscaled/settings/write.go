package settings

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Write writes a TOML file with the current values of sets, each below its help
// and the variable that sets it too. Load reads the same values back.
func Write(w io.Writer, sets ...*Set) error {
	var b strings.Builder
	for _, section := range sections(sets) {
		if section != "" {
			fmt.Fprintf(&b, "\n[%s]\n", section)
		}
		for _, s := range sets {
			for _, d := range s.all {
				if d.section() == section {
					s.write(&b, d)
				}
			}
		}
	}
	_, err := io.WriteString(w, strings.TrimPrefix(b.String(), "\n"))
	return err
}

// sections lists the sections in the order of their first setting, "" first.
func sections(sets []*Set) []string {
	all := []string{""}
	for _, s := range sets {
		for _, d := range s.all {
			if !slices.Contains(all, d.section()) {
				all = append(all, d.section())
			}
		}
	}
	return all
}

func (s *Set) write(b *strings.Builder, d Setting) {
	flag := s.flags[d.Key]
	help := strings.ToUpper(d.Help[:1]) + d.Help[1:]
	if flag.DefValue != flag.Value.String() && flag.DefValue != "" {
		help += "; default: " + flag.DefValue
	}
	fmt.Fprintf(b, "\n# %s\n# %s\n%s = %s\n", help, d.Environment(), d.name(), literal(flag.Value.(*value)))
}

// literal is a value in TOML: lists, numbers and switches are bare.
func literal(v *value) string {
	text := v.String()
	if list, is := v.declaration.Into.(*[]string); is {
		var parts []string
		for _, part := range *list {
			parts = append(parts, quote(part))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	switch v.Type() {
	case "bool", "int", "number":
		return text
	case "size":
		if _, err := strconv.Atoi(text); err == nil {
			return text
		}
	}
	return quote(text)
}

// quote writes a basic string of TOML, whose escapes are a part of Go's.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
