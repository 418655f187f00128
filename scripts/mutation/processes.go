package main

import "time"

const (
	childPackage  = "./server/worker/child"
	workerPackage = "./server/worker"
)

// processes is what keeps the engine's process and its pictures apart from the
// server and from each other.
func processes() []protection {
	// dieWithout leaves the engine's process without either sign of its parent's
	// end: the kernel's, and the end of the pipe.
	dieWithout := []edit{
		{"server/worker/child/process_linux.go", `command.SysProcAttr.Pdeathsig = syscall.SIGKILL`, ``},
		{"server/worker/child/serve.go", "err = errHungUp\n\t\t}\n\t\tend(err)", "return\n\t\t}\n\t\tend(err)"},
	}
	// againWithout fails what was in work when the process ended.
	againWithout := out("server/worker/child/engine.go",
		"if !errors.Is(err, errDied) {\n\t\t\treturn result, err", "if err != errGone {\n\t\t\treturn result, err")
	// alone runs nothing alone.
	aloneWithout := out("server/worker/child/engine.go", `e.upscale(ctx, q, everyone)`, `e.upscale(ctx, q, 1)`)
	// restartWithout gives up when the process has ended once.
	restartWithout := out("server/worker/child/supervise.go", `if failures >= maxFailures {`, `if ends > 0 || failures >= maxFailures {`)
	return []protection{
		{
			row:     "a picture on which the engine panics",
			without: out("server/worker/worker.go", `if cause := recover(); cause != nil {`, `if cause := any(nil); cause != nil {`),
			tests:   in(workerPackage, "TestPanicIsOnePicturesFailure"),
		},
		{
			row:     "a crash inside the native code",
			without: restartWithout,
			tests: append(in(childPackage, "TestPoisonPaysAlone", "TestKilledChild"),
				test{pkg: programPackage, name: "TestPoisonThroughTheServer", hangs: 30 * time.Second},
				test{pkg: programPackage, name: "TestKilledEngine", hangs: 30 * time.Second}),
		},
		{
			row:     "a crash inside the native code",
			without: dieWithout,
			tests:   waiting(childPackage, "TestKilledParent"),
		},
		{
			row:     "native code crashes on a picture",
			without: aloneWithout,
			tests:   append(in(childPackage, "TestPoisonPaysAlone"), in(programPackage, "TestPoisonThroughTheServer")...),
		},
		{
			row:     "the engine's process is killed, such as for its memory",
			without: againWithout,
			tests:   append(in(childPackage, "TestKilledChild"), in(programPackage, "TestKilledEngine")...),
		},
		{
			row:     "the server is killed while the engine works",
			without: dieWithout,
			tests: append(waiting(childPackage, "TestKilledParent", "TestHostEnds"),
				in(programPackage, "TestKilledEngine")...),
		},
		{
			row: "a canceled picture does not stop",
			without: out("server/worker/child/process.go",
				`stuck := time.AfterFunc(p.options.Patience, func() {`, `stuck := time.AfterFunc(time.Hour, func() {`),
			tests: waiting(childPackage, "TestStuckPicture"),
		},
		{
			row:     "a canceled picture does not stop",
			without: out("server/worker/child/process.go", `if err == nil && ctx.Err() != nil {`, `if false {`),
			tests:   in(childPackage, "TestCancelThatOvertakes"),
		},
		{
			row:     "the engine's process answers nonsense",
			without: out("server/worker/child/protocol.go", `if length > maxPayload {`, `if false {`),
			tests:   append(in(childPackage, "FuzzReadFrame"), waiting(childPackage, "TestBrokenChild")...),
		},
		{
			row:     "the engine's process answers nonsense",
			without: out("server/worker/child/messages.go", `if f.Kind == "" {`, `if false {`),
			tests:   in(childPackage, "FuzzTake"),
		},
		{
			row:     "the GPU stops working",
			without: out("server/worker/child/process.go", `if fault.KindOf(c.err) == fault.DeviceLost {`, `if false {`),
			tests:   in(childPackage, "TestPanicAndLostDevice"),
		},
		{
			row:     "the GPU stops working",
			without: out("server/worker/child/supervise.go", `if failures >= maxFailures {`, `if false {`),
			tests:   waiting(childPackage, "TestGivesUp"),
		},
		{
			row: "the GPU stops working",
			without: out("server/worker/worker.go",
				`if err := w.run(hard, lease); fault.KindOf(err) == fault.DeviceLost {`, `if err := w.run(hard, lease); false {`),
			tests: waiting(workerPackage, "TestLostDeviceEndsTheWorker"),
		},
		{
			row: "the GPU stops working",
			without: out("engine/tile.go",
				"if err := p.timed(ctx, d, session, t); err != nil {", "if err := p.timed(ctx, d, session, t); false {"),
			tests: in("./engine", "TestLostDevice"),
		},
		{
			row: "the device has too little memory",
			without: out("engine/pass.go",
				`if fault.KindOf(err) != fault.DeviceMemory || p.pixels <= minTilePixels {`, `if fault.KindOf(err) != "" || true {`),
			tests: in("./engine", "TestDeviceMemory"),
		},
		{
			row:     "SIGTERM",
			without: out("server/worker/worker.go", `case hard.Err() != nil:`, `case false:`),
			tests:   in(workerPackage, "TestStopHandsBack"),
		},
		{
			row: "SIGTERM",
			without: out("server/worker/worker.go",
				`defer context.AfterFunc(ctx, func() { time.AfterFunc(w.options.Grace, stop) })()`, ``),
			tests: []test{{pkg: programPackage, name: "TestStopHandsWorkOn", hangs: 30 * time.Second}},
		},
		{
			row:     "SIGTERM",
			without: out("server/queue/connection.go", `_ = os.Remove(filepath.Join(c.dir, attachFile))`, ``),
			tests:   in(programPackage, "TestGracefulStop"),
		},
		{
			row: "disk full while a picture is written",
			// The encoder tells it again when it is closed.
			without: []edit{
				{"engine/writer.go", `if w.err = write(encoder, i); w.err != nil {`, `if write(encoder, i) != nil {`},
				{"engine/imagedata/encode/checked.go", `c.err = named(step())`, `_ = named(step())`},
			},
			tests: in("./engine", "TestFullDisk"),
		},
		{
			row:     "disk full while a picture is written",
			without: out("engine/imagedata/encode/checked.go", `c.err = named(step())`, `_ = named(step())`),
			tests:   in("./engine/imagedata/encode", "TestFullDisk"),
		},
	}
}
