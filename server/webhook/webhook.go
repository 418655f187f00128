// Package webhook calls the webhooks of jobs.
//
// Calls are POST requests with a body of the job's API, signed according to the
// Standard Webhooks specification (version 1.0.0). They obey package fetch's rules
// on addresses, so that clients cannot make the server call hosts of its internal
// network; redirects are not followed. A call without a 2xx response within ten
// seconds is repeated, up to six attempts over about an hour. Calls may arrive
// twice: receivers recognize them by their webhook-id.
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

// Body returns the body of the call that reports a job, which is running or final.
// A nil body means that there is nothing to report.
type Body func(j job.Job) (contentType string, body []byte, err error)

// Options configure a Sender.
type Options struct {
	Deliveries job.Deliveries
	// Bodies holds a Body for each API whose jobs may have webhooks.
	Bodies map[string]Body
	// Secret signs the calls; see SecretText.
	Secret []byte
	// Rules restrict URLs and addresses; its limits on bytes and time are not
	// used.
	Rules fetch.Options
	// AtOnce is how many calls may run at the same time; 0 is 8.
	AtOnce int
	// Timeout bounds one call; 0 is 10 s.
	Timeout time.Duration
	// Ended, if not nil, is called after every call, concurrently. The outcome is
	// "delivered", "retried" or "given_up".
	Ended func(outcome string)
	Log   *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// Sender makes the calls that are due. Several processes may each run one.
type Sender struct {
	options Options
	client  *http.Client
}

// New returns a Sender.
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
				delivery, err := s.options.Deliveries.NextDelivery(ctx)
				if err != nil {
					return nil // the context has ended
				}
				s.serve(ctx, delivery)
			}
		})
	}
	return group.Wait()
}
