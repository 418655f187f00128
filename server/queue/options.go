// Package queue implements the queue of package job on NATS JetStream, embedded
// in this process or on an external cluster. It is the only importer of NATS.
//
// What is where:
//   - key-value bucket "jobs": one record per job, changed by compare-and-swap
//     only, so that every job becomes final exactly once;
//   - work-queue stream "work": one message per unfinished job that carries
//     nothing but the ID, in its subject;
//   - stream "images": inputs, results and the contents of uploads, see package
//     blob;
//   - key-value bucket "uploads": one description per upload;
//   - work-queue stream "notices": one message per call of a webhook that is
//     due, with ID and occasion in its subject;
//   - key-value buckets "accounts" and "secrets".
//
// A record is written before its work item, and a notice before the record
// that it tells of. Whatever a crash leaves half done
// is finished by the sweeper or by the work item's next delivery: every step
// may run twice.
package queue

import (
	"context"
	"log/slog"
	"time"

	"upscaled/server/account"
	"upscaled/server/job"
)

// Ledger takes and returns credits. Every call may be repeated for one job
// and counts once.
type Ledger interface {
	// Charge takes the price; it fails with fault.NoCredits, RateLimited or
	// Disabled and then changes nothing. The balance is nil when unlimited.
	Charge(ctx context.Context, accountID, jobID string, terms account.Terms) (balance *int64, err error)
	// Settle makes a charge final, Refund gives it back.
	Settle(ctx context.Context, accountID, jobID string) error
	Refund(ctx context.Context, accountID, jobID string) error
	// Holds lists all charges that are neither settled nor refunded.
	Holds(ctx context.Context) ([]account.Hold, error)
}

// Observer is told of every accepted job that this process made final: among
// all processes at most once for each job, and once unless the store's answer
// was lost.
type Observer interface {
	JobEnded(j job.Job)
}

// Options make a Queue.
type Options struct {
	// MaxUnfinished bounds the jobs that are waiting or running; more are
	// refused as fault.Busy.
	MaxUnfinished int
	// Concurrent bounds one account's unfinished jobs where the account has no
	// bound of its own; 0 is none.
	Concurrent int
	// PerDay are quotas of requests in rolling 24 h by API, for accounts that
	// have none of their own.
	PerDay map[string]int
	// Retention is how long inputs, results and final records are kept.
	Retention time.Duration
	// UploadBytes bounds one account's uploads together; 0 is 1 GiB.
	UploadBytes int64
	// Lease is how long a silent worker keeps a job, and a silent sender a
	// notice.
	Lease time.Duration
	// Attempts is how often a job is begun before it fails for good.
	Attempts int
	// Large tells which jobs wait in the line of large ones, so that small
	// ones need not wait behind them; nil puts all in one line.
	Large func(spec job.Spec, input []byte) bool
	// Ledger is nil where nobody pays.
	Ledger Ledger
	// Observer is nil where nobody counts.
	Observer Observer
	// Orphans is how long a charge or an input without a job record may be a
	// submission that is still going on in another process; 0 where no other
	// one submits.
	Orphans time.Duration
	// Sweep is the time between two sweeps; 0 is 15 s.
	Sweep time.Duration
	// Passed hears of every step, right after it was done and before the next;
	// nil where nobody asks. Tests end the process there.
	Passed func(step Step, id string)
	Log    *slog.Logger
	// Now is the clock.
	Now func() time.Time
}

// Bounds and pauses that nobody needs to set.
const (
	// submitLimit bounds one submission, so that sweepers can tell one that
	// goes on from one that died.
	submitLimit = time.Minute
	// stepLimit bounds the first try of one step: an answer that is lost with
	// a node is not waited for.
	stepLimit = 2 * time.Second
	// readPatience is how long one read of an image may be tried.
	readPatience = time.Minute
	// pushLimit bounds one try to write a work item.
	pushLimit = 2 * time.Second
	// concludeLimit bounds what follows from a final record.
	concludeLimit = 10 * time.Second
	// uploadBytes is the usual bound on one account's uploads together.
	uploadBytes = 1 << 30
	// sweepPause is the usual time between two sweeps.
	sweepPause = 15 * time.Second
	// waiterPatience is how long a process may be silent before what its calls
	// wait for is given up.
	waiterPatience = 30 * time.Second
	// clearPause is the time between two looks at the object store.
	clearPause = time.Hour
	// clearLimit bounds one look at the object store.
	clearLimit = clearPause / 2
	// attendPause is how long a watch may hear nothing of what there is.
	attendPause = time.Second
	// recheckPause bounds how long a waiter relies on notifications alone.
	recheckPause = 10 * time.Second
	// noticePatience bounds how long a notice waits in hand for the record
	// that it tells of; then it is put away until the next sweep may be over.
	noticePatience = 2 * time.Second
	// retryPause delays the next try of a job that went wrong.
	retryPause = time.Second
)
