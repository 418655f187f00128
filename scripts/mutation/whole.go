package main

import "time"

// whole is what keeps whole servers under faults that come from outside.
func whole() []protection {
	return []protection{
		{
			row: "tiles that fail, device memory that is missing, crashes, kills and pauses, again and again",
			without: out("server/worker/worker.go",
				"fault.FetchFailed, fault.ModelMissing, fault.Canceled:\n\t\treturn true", "fault.FetchFailed, fault.ModelMissing, fault.Canceled:\n\t\treturn false"),
			tests: in(programPackage, "TestChaos"),
		},
		{
			row: "a mixed load that does not end: jobs of all APIs, broken pictures, clients that hang up, cancel and cut",
			// A heartbeat that goes on after its job's end is left behind by each.
			without: []edit{
				{"server/queue/lease.go", "\tl.cancel()\n\tl.beating.Wait()", "\tl.cancel()"},
				{"server/queue/lease.go", "\t\tcase <-l.ctx.Done():\n\t\t\treturn", "\t\tcase <-make(chan struct{}):\n\t\t\treturn"},
			},
			tests: in(programPackage, "TestSoak"),
		},
		{
			row: "a worker that is paused for longer than its lease and goes on",
			without: out("server/queue/lease.go",
				`case now.Lease != l.record.Lease || now.State != job.Running:`, `case false:`),
			tests: in(programPackage, "TestPausedWorker"),
		},
		{
			row:     "the store's disk is nearly full",
			without: out("server/queue/disk.go", `if !ok || free-int64(size) >= reserve(total) {`, `if !ok || free-int64(size) >= 0*reserve(total) {`),
			tests:   in(programPackage, "TestNearlyFullDisk"),
		},
		{
			row:     "another program fills the store's disk",
			without: out("server/queue/disk.go", `if strings.Contains(message, "critical write error") {`, `if strings.Contains(message, "words that nobody says") {`),
			tests:   []test{{pkg: programPackage, name: "TestFullDiskOfTheStore", hangs: time.Minute}},
		},
		{
			row: "no more file descriptors",
			// The waiting is net/http's; without it the first refusal ends it all.
			without: []edit{
				{"server/server.go", `web.Serve(*s.listener.Load())`, `web.Serve(hasty{*s.listener.Load()})`},
				{"server/server.go", "// isStopping says", "type hasty struct{ net.Listener }\n\n" +
					"func (h hasty) Accept() (net.Conn, error) {\n\tc, err := h.Listener.Accept()\n\tif err != nil {\n\t\terr = errors.New(err.Error())\n\t}\n\treturn c, err\n}\n\n// isStopping says"},
			},
			tests: in(programPackage, "TestOutOfFiles"),
		},
	}
}
