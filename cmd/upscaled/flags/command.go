package flags

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// WithCommand adds the command upscale before arguments that begin with a file or folder.
// A command of that name comes first.
func WithCommand(root *cobra.Command, arguments []string) []string {
	if len(arguments) == 0 || strings.HasPrefix(arguments[0], "-") {
		return arguments
	}
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	if found, _, err := root.Find(arguments[:1]); err == nil && found != root {
		return arguments
	}
	if _, err := os.Stat(arguments[0]); err != nil {
		return arguments
	}
	return append([]string{"upscale"}, arguments...)
}
