package main

// requests is what bounds forms, settings, weights files and dependencies.
func requests() []protection {
	const dependency = "a dependency with a known vulnerability, changed contents or a licence that forbids giving the program away"
	return []protection{
		{
			row:     "huge, damaged or endless forms",
			without: out("server/upload/upload.go", `fields++; fields > maxFields {`, `fields++; fields > 1000*maxFields {`),
			tests:   in("./server/upload", "TestLimits"),
		},
		{
			row:     "huge, damaged or endless forms",
			without: out("server/upload/upload.go", `if file.Size > limits.FileBytes {`, `if file.Size > 1000*limits.FileBytes {`),
			tests:   in("./server/upload", "FuzzRead"),
		},
		{
			row:     "huge, damaged or endless forms",
			without: out("server/limits/body.go", `io.CopyN(io.Discard, b.from.from, drainBytes)`, `io.CopyN(io.Discard, b.from.from, 0)`),
			tests:   in(serverPackage, "TestRefusedUploadIsAnswered"),
		},
		{
			row: "hostile settings files",
			without: []edit{
				{"cmd/upscaled/file.go", `flag == nil || name == configFlag || len(flag.Annotations[environmentKey]) == 0`, `flag == nil`},
				{"cmd/upscaled/file.go", `if flag.Changed {`, `if flag.Changed && name != configFlag {`},
			},
			tests: in(programPackage, "FuzzSettingsFile"),
		},
		{
			row:     "damaged or hostile weights files",
			without: out("models/weights/pickle/object.go", `if !d.machine.Allowed(g) {`, `if false {`),
			tests:   in("./models/weights", "TestReadPyTorchNamesWhatItRefuses"),
		},
		{
			row:     "damaged or hostile weights files",
			without: out("models/import.go", `if err := checkName(name); err != nil {`, `if err := checkName(name); err != nil && false {`),
			tests:   in("./models", "TestImportRefusals"),
		},
		{
			row:     "damaged or hostile weights files",
			without: out("models/verify.go", `if err == nil && sum != want {`, `if err == nil && sum == "" {`),
			tests:   in("./models", "TestDamageIsFoundAndMended"),
		},
		{
			row:     dependency,
			without: out("scripts/audit/vulnerabilities.go", `exit.ExitCode() == 1 && unreachable.MatchString(wrong):`, `exit.ExitCode() == 1:`),
			tests:   in("./scripts/audit", "TestJudge"),
		},
		{
			row:     dependency,
			without: out("scripts/audit/modules.go", `if !licence.Allowed(p.License) {`, `if false {`),
			tests:   in("./scripts/audit", "TestNpmLicences"),
		},
		{
			row:     dependency,
			without: out("scripts/licence/allowed.go", `case !Allowed(file.ID):`, `case false:`),
			tests:   in("./scripts/licence", "TestCheck"),
		},
	}
}
