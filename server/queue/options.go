package queue

import (
	"context"
	"log/slog"
	"time"

	"upscaled/server/account"
	"upscaled/server/job"
)

// Ledger charges and refunds credits. Every call may be repeated for one job and
// counts once.
type Ledger interface {
	// Charge takes the price and returns the balance, nil if unlimited. If it
	// fails with fault.NoCredits, RateLimited or Disabled nothing was changed.
	Charge(ctx context.Context, accountID, jobID string, terms account.Terms) (balance *int64, err error)
	// Settle makes a charge final, Refund returns it.
	Settle(ctx context.Context, accountID, jobID string) error
	Refund(ctx context.Context, accountID, jobID string) error
	// Reopen undoes Settle for a charge of a price.
	Reopen(ctx context.Context, accountID, jobID string, price int64) error
	// Holds returns all charges that are neither settled nor refunded.
	Holds(ctx context.Context) ([]account.Hold, error)
}

// Options configure a Queue.
type Options struct {
	// MaxUnfinished limits the jobs that are waiting or running; more are
	// refused with fault.Busy.
	MaxUnfinished int
	// Concurrent limits one account's unfinished jobs unless the account has a
	// limit of its own; 0 is unlimited.
	Concurrent int
	// PerDay are quotas of requests in rolling 24 h by API, for accounts without
	// quotas of their own.
	PerDay map[string]int
	// Retention is how long inputs, results and final records are kept.
	Retention time.Duration
	// UploadBytes limits one account's uploads in total; 0 is 1 GiB.
	UploadBytes int64
	// Lease is how long a silent worker keeps a job, and a silent sender a
	// delivery.
	Lease time.Duration
	// Attempts is how often a job is begun before it fails for good.
	Attempts int
	// Large reports whether a job belongs to the lane of large ones, behind
	// which small ones never wait; nil puts all jobs in one lane.
	Large func(spec job.Spec, input []byte) bool
	// Ledger is nil if jobs are free.
	Ledger Ledger
	// Ended, if not nil, is called for every accepted job that this process made final:
	// among all processes at most once per job, and exactly once unless the store's
	// answer was lost.
	Ended func(job.Job)
	// Orphans is how long a charge or an image without a record may belong to a
	// submission in another process; 0 if only this process submits.
	Orphans time.Duration
	// Sweep is the time between two sweeps; 0 is 15 s.
	Sweep time.Duration
	// HoldBack is how long jobs leave slots to waiting ones of higher priority; if those
	// were not begun then, they wait for something else. 0 is 100 ms.
	HoldBack time.Duration
	// Failpoint, if not nil, is called right after every step and before the
	// next; tests end the process there.
	Failpoint func(step Failpoint, id string)
	Log       *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// Limits and intervals that need no setting.
const (
	// submitLimit bounds one submission, so that sweepers can distinguish one
	// that is still going on from one that died.
	submitLimit = time.Minute
	// stepLimit bounds the first attempt of one step; an answer that was lost
	// with a node never comes.
	stepLimit = 2 * time.Second
	// readLimit bounds one read of an image, retries included.
	readLimit = time.Minute
	// pushLimit bounds one attempt to write a work item.
	pushLimit = 2 * time.Second
	// concludeLimit bounds the work after a final record.
	concludeLimit = 10 * time.Second
	// removeLimit bounds the deletion of a job up to its record.
	removeLimit = 30 * time.Second
	// defaultUploadBytes limits one account's uploads in total.
	defaultUploadBytes = 1 << 30
	// sweepInterval and holdBack are defaults of Options.
	sweepInterval = 15 * time.Second
	holdBack      = 100 * time.Millisecond
	// callerPatience is how long a process may be silent before the jobs that
	// its synchronous calls wait for are canceled.
	callerPatience = 30 * time.Second
	// collectInterval is the time between two collections of orphaned images,
	// each of which is bounded by collectLimit.
	collectInterval = time.Hour
	collectLimit    = collectInterval / 2
	// watchdogInterval is how long a watch may deliver nothing while there are updates.
	watchdogInterval = time.Second
	// recheckInterval bounds how long callers rely on notifications alone.
	recheckInterval = 10 * time.Second
	// deliveryPatience bounds how long a delivery in hand waits for the record
	// that it reports; then it comes again after a sweep.
	deliveryPatience = 2 * time.Second
	// retryDelay precedes the next attempt of a failed job.
	retryDelay = time.Second
)
