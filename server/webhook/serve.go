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

// pauses lie between the tries: six tries in 58 minutes.
func pauses() []time.Duration {
	return []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 45 * time.Minute}
}

// endLimit bounds the ending of a notice, which outlives the sender's context.
const endLimit = 5 * time.Second

// serve makes one call and ends its notice, and logs one line of it.
func (s *Sender) serve(ctx context.Context, notice job.Delivery) {
	j := notice.Job()
	log := s.options.Log.With("job", j.ID, "api", j.API, "state", j.State, "host", host(j.Webhook), "try", notice.Attempt())
	status, err := s.call(ctx, j)
	ending, stop := context.WithTimeout(context.WithoutCancel(ctx), endLimit)
	defer stop()
	again := pauses()
	switch {
	case errors.Is(err, errNothing):
		err = notice.Done(ending)
	case err == nil && status/100 == 2:
		log.Info("webhook delivered", "status", status)
		s.ended("delivered")
		err = notice.Done(ending)
	case ctx.Err() != nil:
		err = notice.Retry(ending, 0) // another process calls, or this one when it is back
	//guard:webhook-attempts TestAnswers FuzzAnswer => notice.Attempt() > 0
	case errors.Is(err, errHopeless), status == http.StatusGone, notice.Attempt() > len(again):
		log.Warn("webhook given up", failure(status, err)...)
		s.ended("given_up")
		err = notice.Done(ending)
	default:
		pause := again[max(notice.Attempt(), 1)-1]
		log.Warn("webhook is tried again", append(failure(status, err), slog.Duration("after", pause))...)
		s.ended("retried")
		err = notice.Retry(ending, pause)
	}
	if err != nil {
		log.Warn("webhook comes again", "error", err)
	}
}

func (s *Sender) ended(outcome string) {
	if s.options.Observer != nil {
		s.options.Observer.WebhookEnded(outcome)
	}
}

// failure is what a log line tells of a call that failed.
func failure(status int, err error) []any {
	if err == nil {
		return []any{slog.Int("status", status)}
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, which may hold the receiver's secrets
	}
	return []any{slog.Any("error", err)}
}

// host is what logs tell of a URL.
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
