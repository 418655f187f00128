// Package queue implements the job queue, uploads and webhook deliveries of
// package job on NATS JetStream, embedded in this process or on an external
// cluster. This folder is the only one that imports NATS.
//
// The store holds:
//   - key-value bucket "jobs": one record per job, changed by compare-and-swap
//     only, so that every job becomes final exactly once;
//   - work-queue stream "work": one message per unfinished job, with nothing but
//     the lane and the ID, in its subject;
//   - stream "images": inputs, results and contents of uploads, see package blob;
//   - key-value bucket "uploads": one record per upload;
//   - key-value bucket "once": one record per Idempotency-Key, with the IDs of its jobs;
//   - work-queue stream "notices": one message per webhook call that is due, with
//     the event and the ID in its subject;
//   - key-value buckets "accounts" and "secrets".
//
// A record is written before its work item, an image before the record that
// names it, and a delivery before the record that it reports. The sweeper or the work
// item's next delivery finishes steps that a crash interrupted: every step may run
// twice.
//
// The parts, each using only those above it:
//
//	Connection             the server, embedded or external; streams, accounts
//	core                   options, retries, failpoints
//	store                  records, work items and images
//	index.*, watcher       this process's cache of all records, kept up to date
//	deliveries             webhook calls that are due
//	lifecycle              changes of state with all that belongs to them
//	jobs, uploads,         the interfaces of package job
//	submitter, leaser
//	sweeper, collector     garbage collection after crashes
//	Queue                  all of them together
package queue
