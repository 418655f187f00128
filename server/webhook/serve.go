package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"upscaled/server/job"
)

// delays returns the times between attempts: six attempts in 58 minutes.
func delays() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 45 * time.Minute}
}

// endLimit bounds the end of a delivery, which outlives the sender's context.
const endLimit = 5 * time.Second

// serve makes one call, ends its delivery and logs one line.
func (s *Sender) serve(ctx context.Context, delivery job.Delivery) {
	j := delivery.Job()
	log := s.options.Log.With("job", j.ID, "api", j.API, "state", j.State, "host", host(j.Webhook), "attempt", delivery.Attempt())
	status, err := s.call(ctx, j)
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer stop()
	later := delays()
	switch {
	case errors.Is(err, errNothing):
		err = delivery.Done(ending)
	case err == nil && status/100 == 2:
		log.Info("webhook delivered", "status", status)
		s.ended("delivered")
		err = delivery.Done(ending)
	case ctx.Err() != nil:
		err = delivery.Retry(ending, 0) // another process calls, or this one after its restart
	//guard:webhook-attempts TestAnswers FuzzAnswer => delivery.Attempt() > 0
	case errors.Is(err, errPermanent), status == http.StatusGone, delivery.Attempt() > len(later):
		log.Warn("webhook given up", failure(status, err)...)
		s.ended("given_up")
		err = delivery.Done(ending)
	default:
		delay := later[max(delivery.Attempt(), 1)-1]
		log.Warn("webhook is retried", append(failure(status, err), slog.Duration("after", delay))...)
		s.ended("retried")
		err = delivery.Retry(ending, delay)
	}
	if err != nil {
		log.Warn("webhook is delivered again", "error", err)
	}
}

func (s *Sender) ended(outcome string) {
	if s.options.Ended != nil {
		s.options.Ended(outcome)
	}
}

// failure returns the log attributes of a failed call.
func failure(status int, err error) []any {
	if err == nil {
		return []any{slog.Int("status", status)}
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err // without the URL, which may hold the receiver's secrets
	}
	return []any{slog.Any("error", err)}
}

// host returns the part of a URL that is logged.
func host(hook *job.Webhook) string {
	if hook == nil {
		return ""
	}
	parsed, err := url.Parse(hook.URL)
	if err != nil {
		return ""
	}
	return parsed.Host
}
