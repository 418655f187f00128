package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/settings"
	"upscaled/models/fault"
)

const (
	// healthPatience bounds the whole check; orchestrators wait longer.
	healthPatience = 4 * time.Second
	// maxHealthBody bounds the response body, in bytes.
	maxHealthBody = 64 << 10
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
			if address != "" {
				return a.health(cmd.Context(), address, false)
			}
			local, err := localURL(listen)
			if err != nil {
				return err
			}
			return a.health(cmd.Context(), local, true)
		},
	}
	cmd.Flags().StringVar(&address, "url", "", "server to ask (default: this machine's, at the port of --listen)")
	a.hasSettings(cmd, cmd.Flags(), true, []settings.Setting{
		{Key: "listen", Into: &listen, Default: "127.0.0.1:8080", Flag: true, Help: "address and port that the server on this machine listens on"},
	})
	return cmd
}

// localURL returns the URL at which a server that listens on an address is
// reached from its own machine: loopback for the unspecified address.
func localURL(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", usageError{fmt.Errorf("--listen %q is not host:port, such as 127.0.0.1:8080", listen)}
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// health requests a server's /readyz and writes the result to standard output. A
// local server that requires HTTPS is asked again with it, without checking its
// certificate, which is for another name.
func (a *app) health(ctx context.Context, address string, local bool) error {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") {
		return usageError{fmt.Errorf("--url %q is not an http or https URL", address)}
	}
	ctx, stop := context.WithTimeout(ctx, healthPatience)
	defer stop()
	status, body, err := askReady(ctx, target, false)
	if err == nil && local && status == http.StatusBadRequest && strings.Contains(string(body), "HTTPS server") {
		target.Scheme = "https"
		status, body, err = askReady(ctx, target, true)
	}
	if err != nil {
		return fault.Wrap(fault.NotFound, err, "Nothing answers at %s; start 'upscaled serve' or name the server with --url.", target.Redacted())
	}
	if status == http.StatusOK {
		_, err := fmt.Fprintln(a.stdout, "ready")
		return err
	}
	fmt.Fprintf(a.stdout, "not ready: %s\n", unreadyReason(status, body))
	return codedError{errors.New("the server is not ready"), exitFailed}
}

// askReady returns status and body of a server's /readyz. anyCertificate is for
// loopback only; nothing secret is sent.
func askReady(ctx context.Context, target *url.URL, anyCertificate bool) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.JoinPath("readyz").String(), nil)
	if err != nil {
		return 0, nil, fmt.Errorf("make request: %w", err)
	}
	// Not the default transport, which would use a proxy of the environment.
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: anyCertificate},
	}}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("ask server: %w", err)
	}
	defer response.Body.Close()
	body, _ = io.ReadAll(io.LimitReader(response.Body, maxHealthBody)) // a partial body is good enough
	return response.StatusCode, body, nil
}

// unreadyReason returns the server's reason, or else its status.
func unreadyReason(status int, body []byte) string {
	var said struct{ Reason string }
	if json.Unmarshal(body, &said) == nil && strings.TrimSpace(said.Reason) != "" {
		return said.Reason
	}
	return fmt.Sprintf("%d %s", status, http.StatusText(status))
}
