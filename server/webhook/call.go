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
	// errNothing is returned if there is nothing to report.
	errNothing = errors.New("nothing to report")
	// errPermanent wraps errors that another attempt cannot avoid.
	errPermanent = errors.New("cannot be called")
)

// call makes one call and returns the response's status.
func (s *Sender) call(ctx context.Context, j job.Job) (status int, err error) {
	if j.Webhook == nil {
		return 0, errNothing
	}
	if err := Check(s.options.Rules, j.Webhook.URL); err != nil {
		return 0, fmt.Errorf("%w: %w", errPermanent, err) // the rules were changed since
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
		return 0, fmt.Errorf("%w: %w", errPermanent, err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("User-Agent", "upscaled")
	id, at := messageID(j), s.options.Now().Unix()
	request.Header.Set("webhook-id", id)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(at, 10))
	// Receivers check the signature of the secret that they have: the server's or
	// the account's.
	signatures := Sign(s.options.Secret, id, at, body)
	if j.Account != "" {
		signatures += " " + Sign(SecretOf(s.options.Secret, j.Account), id, at, body)
	}
	request.Header.Set("webhook-signature", signatures)
	response, err := s.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	// A receiver may respond only because it sees the caller leave, and that
	// response may still arrive.
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("call: %w", err)
	}
	// Only the status matters. Some of the body is read so that receivers can
	// finish writing it. After 101 there is the bare connection, which the context
	// does not end.
	const polite = 4 << 10 // bytes
	//guard:webhook-upgrade TestSwitchedProtocols => true
	if response.StatusCode != http.StatusSwitchingProtocols {
		_, _ = io.CopyN(io.Discard, response.Body, polite)
	}
	return response.StatusCode, nil
}

// messageID returns the ID of a call, the same for all of its attempts.
func messageID(j job.Job) string {
	if j.State.Final() {
		return "msg_" + j.ID + "_ended"
	}
	return "msg_" + j.ID + "_started"
}

// body returns the body of a call. A panic of a dialect fails only this call.
func (s *Sender) body(j job.Job) (contentType string, body []byte, err error) {
	write := s.options.Bodies[j.API]
	if write == nil {
		return "", nil, fmt.Errorf("%w: the API %q has no webhooks", errPermanent, j.API)
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
