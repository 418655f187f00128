package artifact

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// connectTime bounds resolving and connecting, so that without a network
	// connection the next source is tried within seconds.
	connectTime = 5 * time.Second
	// answerTime bounds the wait for a response header.
	answerTime = 20 * time.Second
	// stallTime is how long a transfer may make no progress.
	stallTime = 30 * time.Second
	// readTime bounds Read.
	readTime = time.Minute
	// maxRedirects is enough for release pages, which redirect once or twice.
	maxRedirects = 5
)

// errStalled ends a transfer that makes no progress.
var errStalled = fmt.Errorf("no data for %v", stallTime)

func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: connectTime}).DialContext,
			TLSHandshakeTimeout:   connectTime,
			ResponseHeaderTimeout: answerTime,
			DisableCompression:    true,
			DisableKeepAlives:     true, // one request per client
			ForceAttemptHTTP2:     true,
		},
		CheckRedirect: checkRedirect,
	}
}

func checkRedirect(request *http.Request, via []*http.Request) error {
	if request.URL.Scheme != "https" {
		return errors.New("it redirects to a URL without https")
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("it redirects more than %d times", maxRedirects)
	}
	return nil
}

// open requests a URL; the caller closes the body.
func (f *Fetcher) open(ctx context.Context, address string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if request.URL.Scheme != "https" {
		return nil, errors.New("only https URLs are downloaded")
	}
	request.Header.Set("User-Agent", "upscaled")
	client := f.Client
	if client == nil {
		client = newClient()
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, bareURLError(err)
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("the server answered %s", response.Status)
	}
	return response.Body, nil
}

// Read downloads a text of at most most bytes. Nothing verifies it.
func (f *Fetcher) Read(ctx context.Context, address string, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	body, err := f.open(ctx, address)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	return data, err
}

// download stores an item from a URL.
func (f *Fetcher) download(ctx context.Context, item Item, source Source, progress func(Progress)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	body, err := f.open(ctx, source.URL)
	if err != nil {
		return err
	}
	defer body.Close()
	stall := time.AfterFunc(stallTime, func() { cancel(errStalled) })
	defer stall.Stop()
	err = store(item, &counter{
		reader: body,
		count: func(done int64) {
			stall.Reset(stallTime)
			progress(Progress{Label: item.Artifact.Name, Done: done, Total: item.Artifact.Size})
		},
	})
	if cause := context.Cause(ctx); err != nil && cause == errStalled {
		return cause
	}
	return err
}

// bareURLError drops method and URL, which the failure states already.
func bareURLError(err error) error {
	if name, ok := errors.AsType[*net.DNSError](err); ok && !name.IsTimeout {
		return fmt.Errorf("the host %s cannot be found", name.Name)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// counter calls count with the total number of bytes after every read.
type counter struct {
	reader io.Reader
	count  func(done int64)
	done   int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.reader.Read(p)
	if n > 0 {
		c.done += int64(n)
		c.count(c.done)
	}
	return n, err
}
