package main

import (
	"fmt"
	"slices"
	"strings"
)

// noticeText is every licence of every component, equal texts of one module
// once.
func noticeText(name string, components []component) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s contains the following software, under the licences below.\n", name)
	for _, c := range components {
		title := c.path + " " + c.version
		if c.path == "std" {
			title = "Go's standard library and runtime " + c.version
		}
		fmt.Fprintf(&b, "\n%s\n%s\n", strings.Repeat("=", 80), title)
		var seen []string
		for _, file := range c.licences {
			if !slices.Contains(seen, file.Text) {
				seen = append(seen, file.Text)
				fmt.Fprintf(&b, "%s\n%s:\n\n%s\n", strings.Repeat("-", 80), file.Name, strings.TrimSpace(file.Text))
			}
		}
	}
	return b.String()
}
