package main

const guardPackage = "./server/limits"

// Rows of the table that several protections keep.
const (
	slowRequests = `a client that sends its request too slowly, or stops`
	uploadMemory = `endless chunks, or more uploads at once than there is memory for`
	otherSites   = `forms that a page of another site sends through somebody's browser`
	rebinding    = `a page whose name was made to resolve to this machine (DNS rebinding)`
	anotherKeys  = `another key's IDs in any route, as inputs and as cursors`
	restarting   = `the engine's process ended and is started again`
)

// clients is what keeps clients that are slow, many or sly from others.
func clients() []protection {
	return []protection{
		{
			row:     slowRequests,
			without: out("server/limits/pace.go", `_ = r.control.SetReadDeadline(started.Add(r.left.left))`, `_ = started`),
			tests:   in(guardPackage, "TestSlowUploads"),
		},
		{
			row:     slowRequests,
			without: out("server/limits/pace.go", `_ = r.control.SetReadDeadline(started.Add(r.left.left))`, `_ = started`),
			tests:   in(serverPackage, "TestSlowloris", "TestSlowHTTP2Upload"),
		},
		{
			row: slowRequests,
			without: []edit{
				{"server/limits/pace.go", `_ = r.control.SetReadDeadline(started.Add(r.left.left))`, `_ = r.control.SetReadDeadline(started.Add(r.left.pace.Stall))`},
				{"server/limits/pace.go", `case err == nil && r.left.left <= 0:`, `case false:`},
			},
			tests: in(guardPackage, "TestSlowUploads"),
		},
		{
			row:     slowRequests,
			without: out("server/limits/pace.go", `a.left = min(a.left, a.pace.Stall)`, ``),
			tests:   in(guardPackage, "TestAllowance"),
		},
		{
			row:     slowRequests,
			without: out("server/server.go", `web.ReadHeaderTimeout = min(limit, readHeaderLimit)`, `web.ReadHeaderTimeout = time.Hour`),
			tests:   in(serverPackage, "TestSlowloris"),
		},
		{
			row:     `a client that takes its answer too slowly, or not at all`,
			without: out("server/limits/pace.go", `_ = w.control.SetWriteDeadline(started.Add(max(0, w.left.left) + w.left.pace.takes(len(part))))`, `_ = started`),
			tests:   waiting(guardPackage, "TestSlowReaders"),
		},
		{
			row:     uploadMemory,
			without: out("server/limits/budget.go", `return b.held.Add(bytes) <= b.Most || b.Most == 0`, `return b.held.Add(bytes) >= 0`),
			tests:   in(guardPackage, "TestEndlessChunks", "TestBudget"),
		},
		{
			row:     uploadMemory,
			without: out("server/limits/body.go", `b.give(int64(bytes)*4/3 + 4<<10)`, `b.give(int64(0 * bytes))`),
			tests:   in(guardPackage, "TestBudget"),
		},
		{
			row:     uploadMemory,
			without: out("server/limits/body.go", `b.held, b.over = 0, true`, `b.held = 0`),
			tests:   in(guardPackage, "TestLateReadsHoldNothing"),
		},
		{
			row:     uploadMemory,
			without: out("server/limits/body.go", `defer b.end()`, ``),
			tests:   in(guardPackage, "FuzzRequests"),
		},
		{
			row:     `more connections than are meant to be, most of them idle or slow`,
			without: out("server/limits/connections.go", `if len(c.all) <= c.most {`, `if len(c.all) <= 1000*c.most {`),
			tests:   in(guardPackage, "TestSlowConnectionsMakeRoom", "TestAnswersAreNotCut"),
		},
		{
			row:     `requests that a proxy may read differently (smuggling), damaged chunks, CRLF and NUL in headers`,
			without: out("server/limits/body.go", `if len(r.TransferEncoding) > 0 {`, `if false {`),
			tests:   in(serverPackage, "TestSmuggling"),
		},
		{
			row:     `HTTP/2 requests that are begun and reset at once`,
			without: out("server/server.go", `HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: maxStreams},`, ``),
			tests:   in(serverPackage, "TestRapidReset"),
		},
		{
			row:     `headers without end`,
			without: out("server/server.go", `MaxHeaderBytes: maxHeaderBytes,`, ``),
			tests:   in(serverPackage, "TestSmuggling", "TestLargeHTTP2Header"),
		},
		{
			row:     otherSites,
			without: out("server/sites.go", `if !sites.Allow(r) {`, `if !sites.Allow(r) && false {`),
			tests:   in(serverPackage, "TestPagesOfOtherSites"),
		},
		{
			row:     otherSites,
			without: out("server/limits/origin.go", `return s.protection.Check(asked) == nil`, `return s.protection.Check(asked) == nil || r.Header.Get("Sec-Fetch-Site") == ""`),
			tests:   in(guardPackage, "TestSites", "FuzzSites"),
		},
		{
			row:     rebinding,
			without: out("server/sites.go", `if !known {`, `if !known && false {`),
			tests:   in(serverPackage, "TestNamesThatResolveHere"),
		},
		{
			row:     rebinding,
			without: out("server/limits/origin.go", `strings.HasSuffix(host, ".localhost")`, `strings.Contains(host, "localhost")`),
			tests:   in(guardPackage, "TestOwnNames", "FuzzOwnNames"),
		},
		{
			row:     `answers that a browser could take for a page, or frame`,
			without: out("server/middleware.go", `header.Set(echo.HeaderContentSecurityPolicy, inert)`, ``),
			tests:   in(serverPackage, "TestAnswersAreLockedDown"),
		},
		{
			row:     anotherKeys,
			without: out("server/dialect/host.go", `(j.API != api || j.Account != caller.ID || expired) {`, `(j.API != api || expired) {`),
			tests:   in(serverPackage, "TestOneKeySeesNothingOfAnother", "TestInputsOfAnother"),
		},
		{
			row:     anotherKeys,
			without: out("server/dialect/replicate/files.go", `if u.API != Name || u.Account != caller.ID {`, `if u.API != Name {`),
			tests:   in(serverPackage, "TestOneKeySeesNothingOfAnother", "TestInputsOfAnother"),
		},
		{
			row:     `file names with line ends, quotes, folders, or marks that turn the writing`,
			without: out("server/file/handler.go", `if !unicode.IsPrint(r) || strings`, `if r == unicode.MaxRune || strings`),
			tests:   in(filePackage, "TestHostileNames"),
		},
		{
			row:     `a forged Host or X-Forwarded-Host`,
			without: out("server/address.go", `if a.trusts(r.RemoteAddr) {`, `if a.trusts(r.RemoteAddr) || r != nil {`),
			tests:   in(serverPackage, "TestResultAddress"),
		},
		{
			row:     `line ends in a client's request ID`,
			without: out("server/middleware.go", `if !isPlain(id) {`, `if id == "" {`),
			tests:   in(serverPackage, "TestRequestIDs"),
		},
		{
			row:     restarting,
			without: out("cmd/upscaled/serve.go", `isolated.Ready() != nil {`, `isolated.Ready() != nil && false {`),
			tests:   in(programPackage, "TestNotReadyWhileTheEngineRestarts"),
		},
		{
			row:     restarting,
			without: out("server/worker/child/engine.go", `case e.running != nil:`, `case e.running != nil || e.newest != nil:`),
			tests:   in("./server/worker/child", "TestReadyTellsOfTheChild"),
		},
		{
			row:     `a picture for which the engine takes more memory than it may`,
			without: out("server/worker/child/memory.go", `used > p.options.Memory {`, `used > 100*p.options.Memory {`),
			tests:   in("./server/worker/child", "TestGreedyPicture"),
		},
	}
}
