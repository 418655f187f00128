package main

import (
	"slices"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/settings"
	"upscaled/server"
)

const configHelp = `Prints a TOML file with every setting of 'upscaled serve' and 'upscaled worker',
its meaning and its value now: from --set, the environment, --config or the
default. Save it, edit it and name it with --config or UPSCALED_CONFIG.`

func newConfigCommand(a *app) *cobra.Command {
	var queue settings.Queue
	var work settings.Work
	var watch settings.Watch
	var config server.Config
	var noWorker bool
	var set *settings.Set
	cmd := &cobra.Command{
		Use: "config", Short: "Print a settings file with the values of now", Long: configHelp,
		Example: "  upscaled config > upscaled.toml\n  upscaled config --config upscaled.toml --set apis.mnml.price=2",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return settings.Write(a.stdout, set, a.declared[cmd.Root()])
		},
	}
	set = a.hasSettings(cmd, cmd.Flags(), true, serveSettings(&config, &queue, &work, &watch, &noWorker), a.settings.compute())
	return cmd
}

// serveSettings declares the settings of serve, except those of all commands.
func serveSettings(config *server.Config, queue *settings.Queue, work *settings.Work, watch *settings.Watch, noWorker *bool) []settings.Setting {
	return slices.Concat(settings.Server(config, noWorker), queue.Settings(), work.Settings(), watch.Settings())
}
