package main

import "time"

// crashes is what keeps jobs when processes, disks and networks break at the
// worst of moments.
func crashes() []protection {
	const (
		everyStep = "kill -9 after any step of a job or a stored file, and of the start that mends it"
		left      = "a crash while pictures are written to the store"
		power     = "the power is cut: what was not synced to the disk is gone"
		partition = "a node of the queue is cut off from the others, a worker with it, and comes back"
		calls     = "the server is killed while calls wait that alone could answer"
	)
	unsynced := out("server/queue/connection.go", `SyncAlways: true`, `SyncAlways: false`)
	owned := out("server/queue/leftovers.go", `if q.isOwned(ctx, o.Name) {`, `if ctx != nil {`)
	return []protection{
		{row: everyStep, without: owned, tests: []test{{pkg: programPackage, name: "TestKilledAtEveryStep/succeeds", hangs: time.Minute}}},
		{
			row: everyStep,
			// A notice that follows its record is lost between the two.
			without: []edit{
				{"server/queue/record.go", `if err := q.announce(ctx, *r, noticeEnded); err != nil {`, `if err := error(nil); err != nil {`},
				{"server/queue/record.go", "\tr.revision = revision\n", "\tr.revision = revision\n\tif r.State.Final() {\n" +
					"\t\tq.passed(StepEnded, r.ID)\n\t\t_ = q.announce(ctx, *r, noticeEnded)\n\t}\n"},
			},
			tests: []test{{pkg: programPackage, name: "TestKilledAtEveryStep/fails", hangs: time.Minute}},
		},
		{row: left, without: owned, tests: waiting(jobsPackage, "TestClearedAtTheStart")},
		{
			row: left,
			without: out("server/queue/leftovers.go",
				`if still.meet(o.Name, seen, q.options.Now()) < q.options.Orphans {`, `if still.meet(o.Name, seen, q.options.Now()) < 0 {`),
			tests: in(jobsPackage, "TestYoungObjectsAreLeftAlone"),
		},
		{
			row:     left,
			without: out("server/queue/leftovers.go", `case <-silence.C:`, `case <-make(chan time.Time):`),
			tests:   in(jobsPackage, "TestListWithoutEnd"),
		},
		{row: power, without: unsynced, tests: in(programPackage, "TestPowerCut")},
		{row: "a disk that does not answer", without: unsynced, tests: []test{{pkg: programPackage, name: "TestHangingDisk", hangs: time.Minute}}},
		{
			row:     "a slow disk",
			without: out("server/queue/lease.go", `if err := l.message.InProgress(); err != nil {`, `if err := error(nil); err != nil {`),
			tests:   in(programPackage, "TestSlowDisk"),
		},
		{
			row:     "a disk whose syncs fail",
			without: out("server/queue/disk.go", `if strings.Contains(message, "critical write error") {`, `if strings.Contains(message, "words that nobody says") {`),
			tests:   []test{{pkg: programPackage, name: "TestFailingDisk", hangs: time.Minute}},
		},
		{
			row: partition,
			without: out("server/queue/lease.go",
				`case now.Lease != l.record.Lease || now.State != job.Running:`, `case false:`),
			tests: []test{{pkg: jobsPackage, name: "TestPartition", hangs: 2 * time.Minute}},
		},
		{
			row:     partition,
			without: out("server/queue/seeker.go", `late := time.AfterFunc(openStep, giveUp)`, `late := time.AfterFunc(1000*openStep, giveUp)`),
			tests:   in(jobsPackage, "TestLostQuestion"),
		},
		{
			row:     calls,
			without: out("server/queue/submit.go", `r.Waiter = q.name`, `r.Waiter = ""`),
			tests: append(waiting(jobsPackage, "TestWaitersThatDied", "TestSilentWaiter"),
				test{pkg: programPackage, name: "TestKilledWhileCallsWait", hangs: time.Minute}),
		},
		{
			row:     "the largest pictures that `--max-pixels` lets in",
			without: out("engine/imagedata/decode/memory.go", `const spread = 1.25`, `const spread = 0.25`),
			tests:   in(decodePackage, "TestMemoryIsForeseen"),
		},
		{
			row:     "several large pictures at once on the processor",
			without: out("engine/stream.go", `share += all[i].Share(plane.Width, plane.Height)`, ``),
			tests:   in("./engine", "TestStreamsShareMemory"),
		},
		{
			row:     "several large pictures at once on the processor",
			without: out("engine/rowmemory.go", `if pixels <= smallPixels {`, `if pixels < 0 {`),
			tests:   []test{{pkg: "./engine", name: "TestRowMemory", hangs: 10 * time.Second}},
		},
	}
}
