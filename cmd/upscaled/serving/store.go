package serving

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"upscaled/cmd/upscaled/settings"
	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/job"
	"upscaled/server/queue"
)

// parseLevel reads --log-level.
func parseLevel(text string) (slog.Level, error) {
	var level slog.Level
	err := level.UnmarshalText([]byte(strings.ToUpper(text)))
	return level, err
}

// logger returns the logger of a server or worker.
func (p *Program) logger(w settings.Work) *slog.Logger {
	out := p.Log
	level, _ := parseLevel(w.LogLevel) // problems has checked it
	options := &slog.HandlerOptions{Level: level}
	if w.LogText || p.Terminal(out) {
		return slog.New(slog.NewTextHandler(out, options))
	}
	return slog.New(slog.NewJSONHandler(out, options))
}

// connect opens the store of jobs and keys: an external one, or the embedded one in
// the data folder. It is closed when the program ends.
func (p *Program) connect(q settings.Queue, log *slog.Logger) (*queue.Connection, error) {
	if q.NATS != "" {
		return p.kept(queue.Dial(q.NATS, q.Credentials))
	}
	return p.kept(queue.Embed(q.Folder(p.LookupEnv), log))
}

// kept returns a connection that is closed when the program ends.
func (p *Program) kept(c *queue.Connection, err error) (*queue.Connection, error) {
	if err == nil {
		p.OnClose(func() error { c.Close(); return nil })
	}
	return c, err
}

// Join opens the store beside other processes: an external one, the one of a running
// server on this machine or, if alone is set and there is none, the embedded one.
func (p *Program) Join(q settings.Queue, log *slog.Logger, alone bool) (*queue.Connection, error) {
	if q.NATS != "" {
		return p.connect(q, log)
	}
	connection, err := queue.Attach(q.Folder(p.LookupEnv))
	if fault.KindOf(err) == fault.NotFound && alone {
		return p.connect(q, log)
	}
	return p.kept(connection, err)
}

// backend is the opened store of jobs and keys.
type backend struct {
	connection *queue.Connection
	accounts   *account.Accounts
	queue      *queue.Queue
}

// openBackend opens queue and accounts on a connection.
func (p *Program) openBackend(ctx context.Context, c *queue.Connection, w settings.Work, external bool, quotas map[string]int, ended func(job.Job), log *slog.Logger) (backend, error) {
	store, err := c.Accounts(ctx)
	if err != nil {
		return backend{}, err
	}
	accounts := account.New(store, time.Now)
	// Other API servers may be in the middle of a submission; on an embedded
	// store this process is the only one.
	orphans := time.Duration(0)
	if external {
		orphans = 3 * time.Minute
	}
	queue, err := queue.Open(ctx, c, queue.Options{
		MaxUnfinished: w.MaxJobs, Concurrent: w.PerKey, PerDay: quotas, Retention: w.Retention,
		Lease: w.Lease, Attempts: w.Attempts, Ledger: accounts, Orphans: orphans, Ended: ended, Failpoint: p.Failpoint, Log: log, Now: time.Now,
		Large: func(spec job.Spec, _ []byte) bool { return spec.Input.Pixels() > w.LargePixels },
	})
	return backend{connection: c, accounts: accounts, queue: queue}, err
}
