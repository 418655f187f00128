package main

import (
	"slices"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/settings"
)

const workerHelp = `Runs jobs that 'upscaled serve' accepted, on this machine's device. With --nats
it may run anywhere that reaches the NATS server; without, it joins the server
that runs on this machine with the same --data.`

const workerExample = `  upscaled worker --nats nats://queue.example.com:4222
  upscaled worker --device cuda:1`

func newWorkerCommand(a *app) *cobra.Command {
	var queue settings.Queue
	var work settings.Work
	var watch settings.Watch
	cmd := &cobra.Command{
		Use: "worker", Short: "Run jobs for a server, here or elsewhere", Long: workerHelp, Example: workerExample,
		Annotations: map[string]string{checksItself: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := mistaken(slices.Concat(a.problems, work.Problems(), watch.Problems())); err != nil {
				return err
			}
			return a.program().Work(cmd.Context(), queue, work, watch)
		},
	}
	a.hasSettings(cmd, cmd.Flags(), true, queue.Settings(), work.Settings(), watch.Settings(), a.settings.compute())
	return cmd
}
