package reference

import (
	"fmt"
	"io"
	"strings"
)

// ManName returns the file name of a page, such as "upscaled-models-pull.1".
func ManName(page Page) string { return strings.ReplaceAll(page.Path, " ", "-") + ".1" }

// Man writes one page in the macros of man(7). source is program and version in
// the footer. Pages have no date, so that builds are reproducible.
func Man(w io.Writer, page Page, source string, codes []ExitCode) error {
	var b strings.Builder
	dashed := strings.ReplaceAll(page.Path, " ", "-")
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"%s\"\n", roff(strings.ToUpper(dashed)), roff(source))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(dashed), roff(page.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(page.Usage))
	b.WriteString(".SH DESCRIPTION\n")
	if page.Long == "" {
		fmt.Fprintf(&b, "%s.\n", roff(page.Short))
	} else {
		paragraphs(&b, page.Long)
	}
	options(&b, "OPTIONS", page.Flags)
	options(&b, "INHERITED OPTIONS", page.Inherited)
	if len(page.Examples) > 0 {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", lines(strings.Join(page.Examples, "\n")))
	}
	if len(codes) > 0 {
		b.WriteString(".SH EXIT STATUS\n")
		for _, code := range codes {
			fmt.Fprintf(&b, ".TP\n.B %d\n%s\n", code.Code, roff(code.Meaning))
		}
	}
	also(&b, page)
	_, err := io.WriteString(w, b.String())
	return err
}

func options(b *strings.Builder, title string, flags []Flag) {
	if len(flags) == 0 {
		return
	}
	fmt.Fprintf(b, ".SH %s\n", title)
	for _, f := range flags {
		fmt.Fprintf(b, ".TP\n\\fB%s\\fR", roff("--"+f.Name))
		if f.Value != "" {
			fmt.Fprintf(b, " \\fI%s\\fR", roff(f.Value))
		}
		fmt.Fprintf(b, "\n%s", roff(f.Usage))
		if f.Default != "" {
			fmt.Fprintf(b, " (default: %s)", roff(f.Default))
		}
		if f.Environment != "" {
			fmt.Fprintf(b, "; environment: %s", roff(f.Environment))
		}
		b.WriteByte('\n')
	}
}

// also refers to the pages above and below.
func also(b *strings.Builder, page Page) {
	var names []string
	if last := strings.LastIndexByte(page.Path, ' '); last > 0 {
		names = append(names, page.Path[:last])
	}
	names = append(names, page.Children...)
	if len(names) == 0 {
		return
	}
	b.WriteString(".SH SEE ALSO\n")
	for i, name := range names {
		end := ","
		if i == len(names)-1 {
			end = ""
		}
		fmt.Fprintf(b, ".BR %s (1)%s\n", roff(strings.ReplaceAll(name, " ", "-")), end)
	}
}

// paragraphs writes text whose paragraphs are separated by empty lines; indented
// ones keep their lines.
func paragraphs(b *strings.Builder, text string) {
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, " ") {
			fmt.Fprintf(b, ".nf\n%s\n.fi\n", lines(paragraph))
		} else {
			fmt.Fprintf(b, "%s\n", lines(paragraph))
		}
	}
}

// lines escapes every line.
func lines(text string) string {
	all := strings.Split(text, "\n")
	for i, line := range all {
		all[i] = roff(line)
	}
	return strings.Join(all, "\n")
}

// roff escapes one line: characters that begin an escape or a request, and hyphens,
// which would be printed as dashes that no shell understands.
func roff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`, `"`, `\(dq`).Replace(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}
