package main

const accountPackage = "./server/account"

// queue is what bounds the work and keeps the balances.
func queue() []protection {
	return []protection{
		{
			row:     "parallel requests spend the last credits",
			without: out("server/account/accounts.go", "case err == nil:\n\t\t\treturn a, nil", "case err == nil || errors.Is(err, ErrConflict):\n\t\t\treturn a, nil"),
			tests:   append(in(accountPackage, "TestParallelChargesAreExact"), in(programPackage, "TestCreditsUnderParallelRequests")...),
		},
		{
			row: "parallel requests spend the last credits",
			without: []edit{
				{"server/account/record.go", "if _, held := a.Holds[jobID]; held {\n\t\treturn nil\n\t}", ""},
				{"server/account/accounts.go", "return !held, a.charge(jobID, terms, s.now())", "return !held || true, a.charge(jobID, terms, s.now())"},
			},
			tests: in(accountPackage, "TestLedgerProperty"),
		},
		{
			row: "more work than can be done",
			without: []edit{
				{"server/queue/buckets.go", `MaxMsgs: int64(unfinished), MaxMsgsPerSubject: 1,`, `MaxMsgs: -1, MaxMsgsPerSubject: 1,`},
				{"server/queue/buckets.go", `config := stream.CachedInfo().Config; config.MaxMsgs != int64(unfinished)`, `config := stream.CachedInfo().Config; false`},
				{"server/queue/submit.go", `if q.board.size() >= q.options.MaxUnfinished {`, `if false {`},
			},
			tests: in(jobsPackage, "TestBoundedQueue"),
		},
		{
			row:     "more work than can be done",
			without: out("server/queue/submit.go", `r.Line = largeLine`, `r.Line = smallLine`),
			tests:   waiting(jobsPackage, "TestSmallJobsHaveTheirOwnLine"),
		},
		{
			row:     "more work than can be done",
			without: out("server/dialect/respond.go", `header.Set(echo.HeaderRetryAfter, strconv.Itoa(RetryAfter(err)))`, `header.Del(strconv.Itoa(RetryAfter(err)))`),
			tests:   in(serverPackage, "TestMnmlErrors"),
		},
		{
			row:     "a client hangs up a synchronous call",
			without: out("server/dialect/host.go", "case ctx.Err() != nil:\n\t\th.Abandon(ctx, j.ID)", "case ctx.Err() != nil:"),
			tests:   in(programPackage, "TestClientThatLeavesCancels"),
		},
	}
}
