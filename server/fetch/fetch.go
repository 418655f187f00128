// Package fetch downloads input images from URLs that clients name, without
// letting clients reach anything outside the public internet.
//
// The rules: https only unless the operator allows http; the address actually
// dialed is checked, so neither DNS rebinding nor a redirect reaches internal
// hosts; at most three redirects; limits on time and bytes; no credentials in
// URLs; no proxy from the environment.
package fetch

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"upscaled/models/fault"
)

// MaxRedirects is how many redirects are followed.
const MaxRedirects = 3

// Options are the operator's settings; the zero value is the safe default.
type Options struct {
	// AllowHTTP also allows the http scheme.
	AllowHTTP bool
	// AllowedRanges are non-public ranges that may be dialed.
	AllowedRanges []netip.Prefix
	// AllowedHosts, unless empty, are the only host names allowed. The address
	// rules apply to them as well.
	AllowedHosts []string
	// MaxBytes limits the body; 0 means 10 MiB.
	MaxBytes int64
	// Timeout limits one download including redirects; 0 means 10 s.
	Timeout time.Duration
	// Resolver replaces the system's; for tests.
	Resolver *net.Resolver
	// TLS replaces the default configuration; for tests.
	TLS *tls.Config
}

// Fetcher downloads images. It may be used concurrently.
type Fetcher struct {
	options Options
	client  *http.Client
}

// New returns a Fetcher that must be closed.
func New(options Options) *Fetcher {
	options.MaxBytes, options.Timeout = cmp.Or(options.MaxBytes, 10<<20), cmp.Or(options.Timeout, 10*time.Second)
	f := &Fetcher{options: options}
	f.client = &http.Client{CheckRedirect: f.checkRedirect, Transport: options.Transport(options.Timeout)}
	return f
}

// Close closes idle connections.
func (f *Fetcher) Close() { f.client.CloseIdleConnections() }

// Fetch downloads one file into memory. It returns fault.Invalid for an
// unacceptable URL, fault.TooLarge past the byte limit and fault.FetchFailed for
// everything else; no message names an address.
func (f *Fetcher) Fetch(ctx context.Context, rawURL string) ([]byte, error) {
	parsed, err := url.Parse(strings.TrimSpace(rawURL))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The image URL is not a valid URL.")
	}
	if err := f.checkURL(parsed); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, f.options.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, parsed.String(), nil)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "The image URL is not a valid URL.")
	}
	request.Header.Set("Accept", "image/*")
	request.Header.Set("User-Agent", "upscaled")
	response, err := f.client.Do(request)
	if err != nil {
		return nil, toFault(err)
	}
	defer response.Body.Close()
	body, err := f.read(response)
	// A server that ends the body at the timeout must not make a partial download
	// look complete.
	if err == nil && ctx.Err() != nil {
		return nil, toFault(ctx.Err())
	}
	return body, err
}

func (f *Fetcher) read(response *http.Response) ([]byte, error) {
	if response.StatusCode != http.StatusOK {
		return nil, fault.New(fault.FetchFailed, "The image URL answered with HTTP status %d.", response.StatusCode)
	}
	if encoding := response.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, fault.New(fault.FetchFailed, "The image URL answered with a compressed body, which is not accepted.")
	}
	tooLarge := fault.New(fault.TooLarge, "The image at the URL is larger than %d bytes.", f.options.MaxBytes)
	if response.ContentLength > f.options.MaxBytes {
		return nil, tooLarge
	}
	//guard:fetch-size TestBodiesAreBounded => io.ReadAll(response.Body)
	body, err := io.ReadAll(io.LimitReader(response.Body, f.options.MaxBytes+1))
	if err != nil {
		return nil, toFault(err)
	}
	if int64(len(body)) > f.options.MaxBytes {
		return nil, tooLarge
	}
	return body, nil
}

func (f *Fetcher) checkRedirect(request *http.Request, via []*http.Request) error {
	if len(via) > MaxRedirects {
		return fault.New(fault.FetchFailed, "The image URL redirects more than %d times.", MaxRedirects)
	}
	request.Header.Del("Referer")
	//guard:redirects TestRedirectsObeyTheRules => nil
	return f.checkURL(request.URL)
}

// checkURL checks a URL before its name is resolved.
func (f *Fetcher) checkURL(u *url.URL) error {
	switch {
	case u.Scheme == "https", u.Scheme == "http" && f.options.AllowHTTP:
	default:
		return fault.New(fault.Invalid, "The image URL must start with https://.")
	}
	//guard:url-user TestURLForms FuzzFetch
	if u.User != nil {
		return fault.New(fault.Invalid, "The image URL must not contain a user name or password.")
	}
	if u.Hostname() == "" || u.Opaque != "" {
		return fault.New(fault.Invalid, "The image URL has no host.")
	}
	if !f.options.AllowsHost(u.Hostname()) {
		return fault.New(fault.FetchFailed, "Images are not downloaded from this host.")
	}
	return nil
}

// toFault replaces a transport error's message by one that reveals nothing internal:
// refused, unreachable and forbidden addresses look the same.
func toFault(err error) error {
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return known
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return &fault.Error{Kind: fault.FetchFailed, Message: "The image URL did not answer in time.", Err: err}
	}
	return fault.Wrap(fault.FetchFailed, err, "The image URL could not be downloaded.")
}
