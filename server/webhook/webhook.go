// Package webhook calls the URLs that clients want to hear of their jobs at.
//
// Calls are POST requests with the body that the job's API makes, signed as the
// Standard Webhooks specification (version 1.0.0) says. They obey package
// fetch's rules on addresses, so that no client makes the server call what is
// inside its network; redirects are not followed. A call that is not answered
// with a 2xx status within ten seconds is made again, six times in all over
// about an hour. Calls may be repeated: receivers know them by their webhook-id.
package webhook

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"upscaled/server/fetch"
	"upscaled/server/job"
)

// Body writes what a call tells of a job: its record when it began, which is
// running, or its final one. A nil body means that there is nothing to tell.
type Body func(j job.Job) (contentType string, body []byte, err error)

// Observer is told of every call that was made, concurrently. Its outcome is
// "delivered", "retried" or "given_up".
type Observer interface {
	WebhookEnded(outcome string)
}

// Options make a Sender.
type Options struct {
	// Deliveries are the calls that are due.
	Deliveries job.Deliveries
	// Bodies has one Body per API whose jobs may have webhooks.
	Bodies map[string]Body
	// Secret signs the calls; see SecretText.
	Secret []byte
	// Rules say which URLs and addresses may be called; its limits on bytes
	// and time do not matter here.
	Rules fetch.Options
	// AtOnce is how many calls are made at the same time; 0 is 8.
	AtOnce int
	// Timeout bounds one call in all; 0 is 10 s.
	Timeout time.Duration
	// Observer is nil where nobody counts.
	Observer Observer
	Log      *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// Sender makes the calls that are due. Any number of processes may have one.
type Sender struct {
	options Options
	client  *http.Client
}

// New makes a Sender.
func New(o Options) *Sender {
	o.AtOnce = cmp.Or(o.AtOnce, 8)
	o.Timeout = cmp.Or(o.Timeout, 10*time.Second)
	return &Sender{options: o, client: &http.Client{
		//guard:webhook-timeout => o.Rules.Transport(1 << 50)
		Transport:     o.Rules.Transport(o.Timeout),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Run makes calls until the context ends.
func (s *Sender) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	//guard:webhook-parallel TestReceiversDoNotWaitForEachOther => 1
	for range s.options.AtOnce {
		group.Go(func() error {
			for {
				notice, err := s.options.Deliveries.NextDelivery(ctx)
				if err != nil {
					return nil // only the context's end is one
				}
				s.serve(ctx, notice)
			}
		})
	}
	return group.Wait()
}
