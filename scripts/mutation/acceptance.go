package main

import "time"

const (
	jobsPackage    = "./server/queue"
	programPackage = "./cmd/upscaled"
)

// acceptance is what keeps accepted jobs and their charges.
func acceptance() []protection {
	return []protection{
		{
			row: "power cut or crash of the server",
			// Records of jobs, and no others, are kept in memory only.
			without: out("server/queue/buckets.go",
				`Bucket: name, TTL: ttl, History: 1, Storage: jetstream.FileStorage,`,
				`Bucket: name, TTL: ttl, History: 1, Storage: map[bool]jetstream.StorageType{true: jetstream.MemoryStorage}[name == jobsBucket],`),
			tests: append(in(jobsPackage, "TestReopen"), test{pkg: programPackage, name: "TestKilledServerLosesNothing", short: true}),
		},
		{
			row:     "power cut or crash of the server",
			without: out("server/queue/buckets.go", `AckWait: q.options.Lease,`, `AckWait: time.Hour,`),
			tests:   waiting(jobsPackage, "TestCrashWhileRunning"),
		},
		{
			row: "crash between two steps of accepting",
			without: out("server/queue/sweep.go",
				`err := q.options.Ledger.Refund(ctx, hold.Account, hold.Job)`, `err := ctx.Err()`),
			tests: waiting(jobsPackage, "TestCrashAfterCharge"),
		},
		{
			row:     "crash between two steps of accepting",
			without: out("server/queue/sweep.go", `err = q.push(ctx, r)`, ``),
			tests:   waiting(jobsPackage, "TestCrashBeforeWorkItem"),
		},
		{
			row: "crash between two steps of accepting",
			without: out("server/queue/sweep.go",
				"case err == nil && r.State.Final():\n\t\t\tq.conclude(ctx, r)", "case err == nil && r.State.Final():"),
			tests: waiting(jobsPackage, "TestCrashBeforeLedger"),
		},
		{
			row:     "a worker dies or falls silent",
			without: out("server/queue/buckets.go", `AckWait: q.options.Lease,`, `AckWait: time.Hour,`),
			tests: []test{
				{pkg: jobsPackage, name: "TestTakeover", hangs: soon},
				{pkg: programPackage, name: "TestClusterOfProcesses", hangs: time.Minute},
			},
		},
		{
			row:     "a picture that kills every worker",
			without: out("server/queue/next.go", `if r.Attempts >= q.options.Attempts {`, `if false {`),
			tests:   []test{{pkg: jobsPackage, name: "TestPoisonThatKillsWorkers", hangs: 25 * time.Second}},
		},
		{
			row:     "a picture that kills every worker",
			without: out("server/queue/lease.go", `if l.record.Attempts >= l.queue.options.Attempts {`, `if false {`),
			tests:   waiting(jobsPackage, "TestRetriesEnd"),
		},
		{
			row: "one node of three of the queue is lost",
			without: out("server/queue/connection.go",
				`c := &Connection{replicas: 3,`, `c := &Connection{replicas: 1,`),
			tests: append(in(jobsPackage, "TestReplicasFollowNodes"), test{pkg: jobsPackage, name: "TestLostNode", hangs: time.Minute}),
		},
		{
			row:     "disk full while a picture is written",
			without: out("server/queue/lease.go", `l.end() // else its heartbeat`, `// else its heartbeat`),
			tests:   waiting(jobsPackage, "TestResultThatCannotBeStored"),
		},
		{
			row: "the clock jumps by hours or years while jobs run",
			without: out("server/queue/lease.go",
				`case now.Lease != l.record.Lease || now.State != job.Running:`, `case false:`),
			tests: in(jobsPackage, "TestClockJumps"),
		},
		{
			row: "a watch of the queue that hears nothing any more",
			without: out("server/queue/feed.go",
				`if last > p.heard.Load() && beats == p.beats.Load() {`, `if false && last+beats > 0 {`),
			tests: in(jobsPackage, "TestDeafWatchIsGivenUp"),
		},
		{
			row: "a download that is cut, or a store that falls silent, while a result is read",
			without: out("server/queue/seeker.go",
				`if gone := s.ctx.Err(); gone != nil {`, `if gone := s.ctx.Err(); false {`),
			tests: in(jobsPackage, "TestReadsEnd"),
		},
		{
			row:     "a download that is cut, or a store that falls silent, while a result is read",
			without: out("server/queue/seeker.go", `if time.Since(began) > readPatience {`, `if time.Since(began) > 100*readPatience {`),
			tests:   in(jobsPackage, "TestReadsEnd"),
		},
		{
			row: "a client that reads its result slowly",
			without: out("server/queue/seeker.go",
				`if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {`, `if n >= 0 || !errors.Is(err, os.ErrDeadlineExceeded) {`),
			tests: in(jobsPackage, "TestSlowReader"),
		},
		{
			row:     "two servers on one data folder",
			without: out("server/queue/connection.go", `} else if !held {`, `} else if !held && lock == nil {`),
			tests:   in(jobsPackage, "TestSecondServerOnOneFolder"),
		},
	}
}
