package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"upscaled/server/job"
)

var (
	// errNothing says that there is nothing to tell.
	errNothing = errors.New("nothing to tell")
	// errHopeless marks what another try cannot mend.
	errHopeless = errors.New("cannot be called")
)

// call makes one call and gives the answer's status.
func (s *Sender) call(ctx context.Context, j job.Job) (status int, err error) {
	if j.Webhook == nil {
		return 0, errNothing
	}
	if err := Check(s.options.Rules, j.Webhook.URL); err != nil {
		return 0, fmt.Errorf("%w: %w", errHopeless, err) // the rules were changed since
	}
	contentType, body, err := s.body(j)
	if err != nil {
		return 0, err
	}
	//guard:webhook-timeout TestSlowReceivers => context.WithTimeout(ctx, 1<<50)
	ctx, stop := context.WithTimeout(ctx, s.options.Timeout)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, j.Webhook.URL, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errHopeless, err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", "upscaled")
	id, at := messageID(j), s.options.Now().Unix()
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(at, 10))
	request.Header.Set("webhook-signature", Sign(s.options.Secret, id, at, body))
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	// A receiver may answer only because it sees the caller leave, and that
	// answer may still get through.
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("call: %w", err)
	}
	// The answer is its status. Some of the body is taken so that receivers can
	// finish theirs; what becomes of it does not matter. Behind 101 there is the
	// bare connection, which the context does not end.
	const polite = 4 << 10 // bytes
	//guard:webhook-upgrade TestSwitchedProtocols => true
	if response.StatusCode != http.StatusSwitchingProtocols {
		_, _ = io.CopyN(io.Discard, response.Body, polite)
	}
	return response.StatusCode, nil
}

// messageID is the same for every try of one call, and no other's.
func messageID(j job.Job) string {
	if j.State.Final() {
		return "msg_" + j.ID + "_ended"
	}
	return "msg_" + j.ID + "_started"
}

// body writes what is told. A dialect that panics ends no more than its call.
func (s *Sender) body(j job.Job) (contentType string, body []byte, err error) {
	write := s.options.Bodies[j.API]
	if write == nil {
		return "", nil, fmt.Errorf("%w: the API %q has no webhooks", errHopeless, j.API)
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("write body: panic: %v", cause)
		}
	}()
	contentType, body, err = write(j)
	switch {
	case err != nil:
		return "", nil, fmt.Errorf("write body: %w", err)
	case body == nil:
		return "", nil, errNothing
	}
	return contentType, body, nil
}
