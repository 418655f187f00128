package main

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"time"

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

// newLogger writes to standard error: standard output is for results.
func newLogger(out io.Writer, w workSettings) *slog.Logger {
	level, _ := parseLevel(w.logLevel) // problems has checked it
	options := &slog.HandlerOptions{Level: level}
	if w.logText || isTerminal(out) {
		return slog.New(slog.NewTextHandler(out, options))
	}
	return slog.New(slog.NewJSONHandler(out, options))
}

// connect opens the store of jobs and keys: the external one, or the embedded
// one in the data folder. It is closed when the program ends.
func (a *app) connect(q queueSettings, log *slog.Logger) (*queue.Connection, error) {
	var connection *queue.Connection
	var err error
	if q.nats != "" {
		connection, err = queue.Dial(q.nats, q.credentials)
	} else {
		connection, err = queue.Embed(q.folder(a.lookupEnv), log)
	}
	if err != nil {
		return nil, err
	}
	a.onClose(func() error { connection.Close(); return nil })
	return connection, nil
}

// join opens the store beside whoever has it: the external one, that of a
// running server on this machine, or, where alone says so, the embedded one.
func (a *app) join(q queueSettings, log *slog.Logger, alone bool) (*queue.Connection, error) {
	if q.nats != "" {
		return a.connect(q, log)
	}
	connection, err := queue.Attach(q.folder(a.lookupEnv))
	if fault.KindOf(err) == fault.NotFound && alone {
		return a.connect(q, log)
	}
	if err != nil {
		return nil, err
	}
	a.onClose(func() error { connection.Close(); return nil })
	return connection, nil
}

// backend is the opened store of jobs and keys.
type backend struct {
	connection *queue.Connection
	accounts   *account.Accounts
	queue      *queue.Queue
}

// openBackend opens queue and accounts on a connection.
func (a *app) openBackend(ctx context.Context, c *queue.Connection, w workSettings, external bool, quotas map[string]int, observer queue.Observer, log *slog.Logger) (backend, error) {
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
		MaxUnfinished: w.maxUnfinished, Concurrent: w.perKey, PerDay: quotas, Retention: w.retention,
		Lease: w.lease, Attempts: w.attempts, Ledger: accounts, Orphans: orphans, Observer: observer, Failpoint: a.failpoint, Log: log, Now: time.Now,
		Large: func(spec job.Spec, _ []byte) bool { return spec.Input.Pixels() > w.largePixels },
	})
	return backend{connection: c, accounts: accounts, queue: queue}, err
}
