package main

// results is what bounds the pictures that are made.
func results() []protection {
	const large = "results that would be huge, or that no file holds"
	return []protection{
		{
			row:     large,
			without: out("server/results.go", `if q.most > 0 && pixels > q.most {`, `if false {`),
			tests:   in(serverPackage, "TestResultsThatAreTooLarge"),
		},
		{
			row:     large,
			without: out("server/results.go", `if fault.KindOf(err) != fault.TooLarge {`, `if true {`),
			tests:   in(serverPackage, "TestResultsThatNoFileHolds"),
		},
	}
}
