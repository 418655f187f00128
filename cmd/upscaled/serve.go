package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/settings"
	"upscaled/server"
)

const serveHelp = `Serves a web page, an API of its own, and those of mnml, AILab, maskr, artnex,
aetherforge, Replicate, AUTOMATIC1111, ComfyUI, Stability and others: a client
written for one of them works when its base URL is changed to this server's. Jobs
are kept in --data and survive whatever happens to the process.

With no keys configured every call passes and the server listens on this
machine only; 'upscaled keys new' makes the first one.`

const serveExample = `  upscaled serve
  upscaled serve --listen 0.0.0.0:8080 --public-url https://upscale.example.com
  upscaled serve --config /etc/upscaled.toml
  upscaled serve --no-worker --nats nats://queue.example.com:4222`

func newServeCommand(a *app) *cobra.Command {
	var queue settings.Queue
	var work settings.Work
	var config server.Config
	var watch settings.Watch
	var noWorker, check bool
	cmd := &cobra.Command{
		Use: "serve", Short: "Serve the web page and the upscaling APIs", Long: serveHelp, Example: serveExample,
		Annotations: map[string]string{checksItself: "yes"},
		RunE: func(cmd *cobra.Command, _ []string) error {
			config.Grace, config.MaxPixels, config.MaxSide, config.DecodeMemory = work.Grace, work.MaxPixels, work.MaxSide, work.DecodeMemory
			if err := mistaken(slices.Concat(a.problems, work.Problems(), watch.Problems(), config.Problems())); err != nil {
				return err
			}
			if check {
				_, err := fmt.Fprintln(a.stdout, "The settings are fine.")
				return err
			}
			return a.program().Serve(cmd.Context(), config, queue, work, watch, noWorker)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "report every mistake in the settings and start nothing")
	a.hasSettings(cmd, cmd.Flags(), true, serveSettings(&config, &queue, &work, &watch, &noWorker), a.settings.compute())
	return cmd
}
