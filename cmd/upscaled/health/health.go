// Package health asks a server whether it is ready for work.
package health

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"upscaled/models/fault"
)

const (
	// patience bounds the whole check; orchestrators wait longer.
	patience = 4 * time.Second
	// maxBody bounds the response body, in bytes.
	maxBody = 64 << 10
)

// ParseURL returns the URL of a server.
func ParseURL(address string) (*url.URL, error) {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https") {
		return nil, fmt.Errorf("--url %q is not an http or https URL", address)
	}
	return target, nil
}

// LocalURL returns the URL at which a server that listens on an address is
// reached from its own machine: loopback for the unspecified address.
func LocalURL(listen string) (*url.URL, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %q is not host:port, such as 127.0.0.1:8080", listen)
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return &url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}, nil
}

// Check requests a server's /readyz. It returns "" if the server is ready, or else
// the server's reason. A local server that requires HTTPS is asked again with it,
// without checking its certificate, which is for another name.
func Check(ctx context.Context, target *url.URL, local bool) (reason string, err error) {
	ctx, stop := context.WithTimeout(ctx, patience)
	defer stop()
	status, body, err := askReady(ctx, target, false)
	if err == nil && local && status == http.StatusBadRequest && strings.Contains(string(body), "HTTPS server") {
		target.Scheme = "https"
		status, body, err = askReady(ctx, target, true)
	}
	if err != nil {
		return "", fault.Wrap(fault.NotFound, err, "Nothing answers at %s; start 'upscaled serve' or name the server with --url.", target.Redacted())
	}
	if status == http.StatusOK {
		return "", nil
	}
	return unreadyReason(status, body), nil
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
	body, _ = io.ReadAll(io.LimitReader(response.Body, maxBody)) // a partial body is good enough
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
