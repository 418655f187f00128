package main

// requests is what bounds forms, settings and weights files.
func requests() []protection {
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
			without: out("server/middleware.go", `io.CopyN(io.Discard, r.Body, drainBytes)`, `io.CopyN(io.Discard, r.Body, 0)`),
			tests:   in(serverPackage, "TestRefusedUploadIsAnswered"),
		},
		{
			row:     "hostile settings files",
			without: out("cmd/upscaled/file.go", `flag == nil || name == configFlag || len(flag.Annotations[environmentKey]) == 0`, `flag == nil`),
			tests:   in(programPackage, "FuzzSettingsFile"),
		},
		{
			row:     "damaged or hostile weights files",
			without: out("models/weights/pickle/object.go", `if !d.machine.Allowed(g) {`, `if false {`),
			tests:   in("./models/weights", "TestReadPyTorchNamesWhatItRefuses"),
		},
		{
			row:     "damaged or hostile weights files",
			without: out("models/weights/safetensors.go", `if length > maxSafetensorsHeader || int64(length) > size-safetensorsPrefix {`, `if length > 1<<40 {`),
			tests:   in("./models", "TestImportRefusals"),
		},
		{
			row:     "damaged or hostile weights files",
			without: out("models/verify.go", `if err == nil && sum != want {`, `if err == nil && sum == "" {`),
			tests:   in("./models", "TestDamageIsFoundAndMended"),
		},
	}
}
