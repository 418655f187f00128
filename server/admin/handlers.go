package admin

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
)

// Metrics handles GET /metrics, and /healthz and /readyz for processes without
// another port. ready returns why no work can be done, or nil.
func Metrics(metrics http.Handler, ready func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics)
	mux.Handle("GET /healthz", Health(nil))
	mux.Handle("GET /readyz", Health(ready))
	return mux
}

// Health responds with 200 unless ready returns an error, which is the reason of a
// 503. A nil ready is always ready.
func Health(ready func(context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := struct {
			Status string `json:"status"`
			Reason string `json:"reason,omitempty"`
		}{Status: "ok"}
		status := http.StatusOK
		if ready != nil {
			if err := ready(r.Context()); err != nil {
				body.Status, body.Reason, status = "unavailable", err.Error(), http.StatusServiceUnavailable
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body) // the client may have disconnected
	})
}

// Profiles handles the paths of net/http/pprof on a mux of its own. Importing that
// package also registers them on the default mux, which is never served.
func Profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// IsLoopback reports whether an address, host:port, is reachable only from this
// machine. Names other than localhost are not resolved and count as reachable.
func IsLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	parsed, err := netip.ParseAddr(host)
	//guard:loopback TestOpen => err != nil || parsed.IsLoopback()
	return err == nil && parsed.IsLoopback()
}
