package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/health"
	"upscaled/cmd/upscaled/settings"
)

const healthHelp = `Asks a running server whether new work can be sent to it and exits with 0, or
with 1 and the reason. It is the health check of containers and units, and needs
no other program.

Without --url it asks the server of this machine at the port of --listen, which
comes from UPSCALED_LISTEN or --config as it does for 'upscaled serve'. There the
certificate of a server that speaks https is not looked at.`

const healthExample = `  upscaled health
  upscaled health --url http://10.0.0.7:8080`

func newHealthCommand(a *app) *cobra.Command {
	var address, listen string
	cmd := &cobra.Command{
		Use: "health", Short: "Say whether a server is ready for work", Long: healthHelp, Example: healthExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			local := address == ""
			target, err := health.ParseURL(address)
			if local {
				target, err = health.LocalURL(listen)
			}
			if err != nil {
				return usageError{err}
			}
			reason, err := health.Check(cmd.Context(), target, local)
			switch {
			case err != nil:
				return err
			case reason != "":
				fmt.Fprintf(a.stdout, "not ready: %s\n", reason)
				return codedError{errors.New("the server is not ready"), exitFailed}
			}
			_, err = fmt.Fprintln(a.stdout, "ready")
			return err
		},
	}
	cmd.Flags().StringVar(&address, "url", "", "server to ask (default: this machine's, at the port of --listen)")
	a.hasSettings(cmd, cmd.Flags(), true, []settings.Setting{
		{Key: "listen", Into: &listen, Default: "127.0.0.1:8080", Flag: true, Help: "address and port that the server on this machine listens on"},
	})
	return cmd
}
