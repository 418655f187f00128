package metrics

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"upscaled/server"
	"upscaled/server/job"
)

// other is the label of unknown values.
const other = "other"

// RequestBegins implements server.Observer.
func (m *Metrics) RequestBegins(r *http.Request, _ string) (context.Context, func(server.RequestEnd)) {
	method := methodLabel(r.Method)
	return r.Context(), func(e server.RequestEnd) {
		m.requests.WithLabelValues(e.API, method, strconv.Itoa(e.Status)).Inc()
		m.requestTime.WithLabelValues(e.API).Observe(e.Took.Seconds())
	}
}

// methodLabel returns a standard method or other; clients may send any word.
func methodLabel(method string) string {
	known := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace,
	}
	if slices.Contains(known, method) {
		return method
	}
	return other
}

// JobSubmits implements server.Observer. Unlimited accounts pay nothing and have
// no balance.
func (m *Metrics) JobSubmits(ctx context.Context, spec *job.Spec) (context.Context, func(job.Submitted, error)) {
	api, price := spec.API, spec.Price
	return ctx, func(submitted job.Submitted, err error) {
		if err == nil && !submitted.Repeated && submitted.Credits != nil && price > 0 {
			m.credits.WithLabelValues(api).Add(float64(price))
		}
	}
}

// JobEnded counts a job that became final.
func (m *Metrics) JobEnded(j job.Job) {
	model, outcome := m.modelLabel(j), string(j.State)
	m.jobs.WithLabelValues(j.API, model, outcome).Inc()
	if j.Account != "" {
		key := m.keys.label(j.Account)
		m.keyJobs.WithLabelValues(key, outcome).Inc()
		if j.Result != nil {
			m.keySeconds.WithLabelValues(key).Add(max(0, j.Result.Seconds))
		}
	}
	if !j.Started.IsZero() {
		// These may come from the clocks of different machines.
		m.wait.WithLabelValues(j.API, model).Observe(max(0, j.Started.Sub(j.Created).Seconds()))
		m.run.WithLabelValues(j.API, model, outcome).Observe(max(0, j.Finished.Sub(j.Started).Seconds()))
	}
	if r := j.Result; r != nil {
		m.input.WithLabelValues(j.API, model).Add(float64(r.InputWidth) * float64(r.InputHeight))
		m.output.WithLabelValues(j.API, model).Add(float64(r.OutputWidth) * float64(r.OutputHeight))
	}
}

// modelLabel returns the model that made the result, else the requested one if it
// is known. All mixes are one, since there are any number of them.
func (m *Metrics) modelLabel(j job.Job) string {
	if strings.Contains(j.Options.Model, "=") {
		return "mix"
	}
	if j.Result != nil && j.Result.Model != "" {
		return j.Result.Model
	}
	if m.models[j.Options.Model] {
		return j.Options.Model
	}
	return other
}

// WebhookEnded counts a webhook call.
func (m *Metrics) WebhookEnded(outcome string) { m.webhooks.WithLabelValues(outcome).Inc() }
