package reference

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// invented is a command line with everything that has to be escaped.
func invented() *cobra.Command {
	root := &cobra.Command{Use: "cook", Short: "Cook meals", Long: "Cooks.\n\n  cook soup\n\n.Dots and 'quotes' and C:\\pans."}
	root.PersistentFlags().String("kitchen", "", "where a|b is (default: here)")
	root.PersistentFlags().Lookup("kitchen").Annotations = map[string][]string{"variable": {"COOK_KITCHEN"}}
	soup := &cobra.Command{Use: "soup NAME", Short: "Cook soup", Example: "  cook soup --salt 2 tomato\n  cook soup .hidden", Run: func(*cobra.Command, []string) {}}
	soup.Flags().Int("salt", 3, "spoons of salt")
	soup.Flags().Bool("hot", false, "serve it hot")
	soup.Flags().Int("none", 0, "nothing")
	hidden := &cobra.Command{Use: "secret", Short: "Not shown", Hidden: true, Run: func(*cobra.Command, []string) {}}
	root.AddCommand(soup, hidden)
	return root
}

func TestPages(t *testing.T) {
	t.Parallel()
	pages := Pages(invented(), "variable")
	if len(pages) != 2 || pages[0].Path != "cook" || pages[1].Path != "cook soup" || pages[1].Usage != "cook soup NAME [flags]" {
		t.Fatalf("%+v", pages)
	}
	want := []Flag{{Name: "hot", Usage: "serve it hot"}, {Name: "none", Usage: "nothing", Value: "int"}, {Name: "salt", Usage: "spoons of salt", Default: "3", Value: "int"}}
	if got := pages[1].Flags; len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("flags %+v", got)
	}
	if got := pages[1].Inherited; len(got) != 1 || got[0].Environment != "COOK_KITCHEN" || got[0].Default != "" {
		t.Errorf("inherited %+v", got)
	}
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Markdown(&b, Pages(invented(), "variable"), []Flag{{Name: "oven.heat", Environment: "COOK_OVEN_HEAT", Default: "200", Usage: "degrees"}}, []ExitCode{{0, "cooked"}, {1, "burnt"}}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| [`cook soup`](#cook-soup) | Cook soup |", "## cook soup\n\nCook soup.\n", "```sh\ncook soup --salt 2 tomato\ncook soup .hidden\n```",
		"| `--salt int` |  | `3` | spoons of salt |", "| `--kitchen string` | `COOK_KITCHEN` |  | where a\\|b is (default: here) |", "| 1 | burnt |", "| `oven.heat` | `COOK_OVEN_HEAT` | `200` | degrees |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "secret") {
		t.Error("a hidden command is shown")
	}
}

func TestMan(t *testing.T) {
	t.Parallel()
	pages := Pages(invented(), "variable")
	var root, soup bytes.Buffer
	if err := Man(&root, pages[0], "cook 1.0", []ExitCode{{1, "burnt"}}); err != nil {
		t.Fatal(err)
	}
	if err := Man(&soup, pages[1], "cook 1.0", nil); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{".TH COOK 1 \"\" \"cook 1.0\"\n", ".PP\n.nf\n  cook soup\n.fi\n", "\\&.Dots and 'quotes' and C:\\epans.", ".B 1\nburnt\n", ".BR cook\\-soup (1)\n"} {
		if !strings.Contains(root.String(), want) {
			t.Errorf("no %q in\n%s", want, root.String())
		}
	}
	for _, want := range []string{".TH COOK\\-SOUP 1", "\\fB\\-\\-salt\\fR \\fIint\\fR\nspoons of salt (default: 3)\n", "environment: COOK_KITCHEN", "cook soup .hidden", ".BR cook (1)\n"} {
		if !strings.Contains(soup.String(), want) {
			t.Errorf("no %q in\n%s", want, soup.String())
		}
	}
	if ManName(pages[1]) != "cook-soup.1" {
		t.Error(ManName(pages[1]))
	}
}
