package main

import (
	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/operate"
	"upscaled/cmd/upscaled/serving"
	"upscaled/cmd/upscaled/settings"
)

// newOperateCommands returns the commands of operators.
func newOperateCommands(a *app) []*cobra.Command {
	return operate.Commands(operate.Program{
		Stdout: a.stdout, Stderr: a.stderr, LookupEnv: a.lookupEnv, Terminal: isTerminal, Join: a.program().Join,
		Usage: func(err error) error { return usageError{err} }, WebhookSecret: serving.WebhookSecret,
		Declare: func(cmd *cobra.Command, declared []settings.Setting) {
			a.hasSettings(cmd, cmd.PersistentFlags(), true, declared)
		},
		Load: func(cmd *cobra.Command) { a.loadSettings(cmd, a.lookupEnv) },
	})
}
