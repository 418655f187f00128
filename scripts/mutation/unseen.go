package main

// unseen says why a test that a row names is not seen to fail.
type unseen struct{ row, test, reason string }

// unseens are all of them.
func unseens() []unseen {
	return []unseen{
		{
			"more work than can be done", "TestLoad",
			"how many of its calls are refused depends on the machine: on a slow one none; TestMnmlErrors is seen to fail instead",
		},
		{
			"a dependency with a known vulnerability, changed contents or a licence that forbids giving the program away", "TestScanner",
			"it needs govulncheck, which not every machine has; TestJudge is seen to fail without the same protection",
		},
	}
}
