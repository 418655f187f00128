package server_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server"
	"upscaled/server/account"
	"upscaled/server/job"
	"upscaled/server/job/jobtest"
)

// silentQueue cannot read jobs.
type silentQueue struct{ *jobtest.Queue }

func (silentQueue) Get(context.Context, string) (job.Job, error) {
	return job.Job{}, fault.New(fault.Busy, "no answer")
}

// A status call while the queue fails over is answered with 503 and a time to
// ask again, in each API's form.
func TestStatusDuringOutage(t *testing.T) {
	t.Parallel()
	accounts := newAccounts()
	key, _, err := accounts.Create(t.Context(), account.NewOptions{Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(t.Context(), server.Config{Listen: "127.0.0.1:0", APIs: server.DefaultAPIs()}, server.Parts{
		Queue: silentQueue{&jobtest.Queue{}}, Auth: accounts, Secrets: [][]byte{[]byte(strings.Repeat("s", 32))}, Decoders: 1,
		Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/v1/status/upscale_1703123456789_abc12345":           `{"status":"error","code":"service_unavailable",`,
		"/v1/jobs/0195d2a5-0000-8000-8000-000000000000":       `{"detail":"`,
		"/public/v1/job/0195d2a5-0000-4000-8000-000000000000": `{"detail":"`,
		"/v1/predictions/" + strings.Repeat("a", 26):          `{"detail":"`,
		"/api/v1/jobs/up_" + strings.Repeat("a", 24):          `{"type":"about:blank",`,
	} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		for _, header := range []string{"Authorization", "X-API-Key"} {
			r.Header.Set(header, map[string]string{"Authorization": "Bearer "}[header]+key)
		}
		answer := httptest.NewRecorder()
		s.Handler().ServeHTTP(answer, r)
		if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" || !strings.HasPrefix(answer.Body.String(), want) {
			t.Errorf("%s: %d %v %s", path, answer.Code, answer.Header(), answer.Body)
		}
	}
}
