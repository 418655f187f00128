package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"upscaled/cmd/upscaled/batch"
	"upscaled/cmd/upscaled/report"
	"upscaled/engine"
	"upscaled/engine/enginetest"
	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/models/fault"
)

func TestMain(m *testing.M) {
	// nats.go leaves this one behind when its connection is closed in the moment
	// of a first asynchronous publish; only a process that ends does that.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}

// fakeUpscaler writes a word. requests are what it was
// asked for.
type fakeUpscaler struct {
	missing  error
	limits   imagedata.Limits
	requests []engine.Request
}

func (p *fakeUpscaler) Prepare(context.Context, engine.Request) error { return p.missing }

func (p *fakeUpscaler) Upscale(_ context.Context, r engine.Request) (engine.Result, error) {
	info, err := decode.Probe(r.Input, p.limits)
	if err != nil {
		return engine.Result{}, err
	}
	p.requests = append(p.requests, r)
	r.Progress(engine.Progress{Done: 1, Total: 2})
	_, err = r.Output.Write([]byte("upscaled"))
	return engine.Result{Output: imagedata.Info{Width: 4 * info.Width, Height: 4 * info.Height, Format: r.Format}, Model: "pretend"}, err
}

func (p *fakeUpscaler) Describe(context.Context, engine.Request) (engine.Result, error) {
	return engine.Result{Model: "pretend", Input: imagedata.Info{Width: 2}, Output: imagedata.Info{Width: 8, Height: 4}}, nil
}

// outcome is what a run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
	fake           *fakeUpscaler
}

// program runs the whole program but the engine.
func program(t *testing.T, fake *fakeUpscaler, environment map[string]string, stdin []byte, arguments ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := newApp(streams{stdin: bytes.NewReader(stdin), stdout: &stdout, stderr: &stderr}, func(name string) (string, bool) {
		value, ok := environment[name]
		return value, ok
	})
	a.openUpscaler = func(_ context.Context, limits imagedata.Limits) (batchEngine, error) {
		fake.limits = limits
		return fake, nil
	}
	code := a.run(context.Background(), arguments)
	return outcome{code, stdout.String(), stderr.String(), fake}
}

func smallPNG(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 2, 1))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// folder writes files and returns their folder.
func folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	root := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(root, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestUpscaleOneFile(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t)})
	input := filepath.Join(root, "a.png")
	got := program(t, &fakeUpscaler{}, nil, nil, "upscale", "--scale", "2.5", "--denoise", "0.25", "--quality", "80",
		"--strip", "--tile", "64", "--model", "some-model", "--max-pixels", "1M", input)
	if got.code != exitOK || got.stdout != "" {
		t.Fatalf("exit %d, standard output %q, standard error %q", got.code, got.stdout, got.stderr)
	}
	want := input + " -> " + filepath.Join(root, "a.upscaled.png") + "  8x4  "
	if !strings.HasPrefix(got.stderr, want) || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("standard error is %q, want one line %q", got.stderr, want)
	}
	asked := got.fake.requests[0]
	if asked.Size != (engine.Size{Scale: 2.5}) || *asked.Denoise != 0.25 || asked.Quality != 80 || !asked.Strip ||
		asked.Tile != 64 || asked.Model != "some-model" || asked.Format != imagedata.PNG || got.fake.limits.Pixels != 1e6 {
		t.Errorf("the engine was asked for %+v within %+v", asked, got.fake.limits)
	}
}

func TestUpscaleWithAMix(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t)})
	got := program(t, &fakeUpscaler{}, nil, nil, "upscale", "--mix", "one=0.3,other=0.7", filepath.Join(root, "a.png"))
	if got.code != exitOK || got.fake.requests[0].Model != "one=0.3,other=0.7" {
		t.Errorf("exit %d, %s, %+v", got.code, got.stderr, got.fake.requests)
	}
}

func TestSummaryAndExitCode(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t), "bad.png": []byte("text"), "cut.png": smallPNG(t)[:20]})
	got := program(t, &fakeUpscaler{}, nil, nil, "upscale", "--out", filepath.Join(root, "out"), root)
	if got.code != exitFailed {
		t.Errorf("exit %d", got.code)
	}
	for _, want := range []string{"1 made, 2 failed in ", "failed: " + filepath.Join(root, "bad.png") + ": This is not an image", "failed: " + filepath.Join(root, "cut.png")} {
		if !strings.Contains(got.stderr, want) {
			t.Errorf("standard error has no %q:\n%s", want, got.stderr)
		}
	}
	if quiet := program(t, &fakeUpscaler{}, nil, nil, "upscale", "-q", "--skip-existing", "--out", filepath.Join(root, "out"), filepath.Join(root, "a.png")); quiet.code != exitOK || quiet.stderr != "" {
		t.Errorf("quiet: exit %d, %q", quiet.code, quiet.stderr)
	}
}

func TestMissingModelIsOneError(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t), "b.png": smallPNG(t)})
	missing := fault.New(fault.ModelMissing, "The model is not installed.")
	got := program(t, &fakeUpscaler{missing: missing}, nil, nil, "upscale", root)
	if got.code != exitMissing || strings.Count(got.stderr, "The model is not installed.") != 1 {
		t.Errorf("exit %d, standard error %q", got.code, got.stderr)
	}
	entries, _ := os.ReadDir(root)
	if len(entries) != 2 {
		t.Errorf("the folder holds %v", entries)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t), "bad.png": []byte("text"), "notes.txt": []byte("text")})
	got := program(t, &fakeUpscaler{}, nil, nil, "upscale", "--json", "--out", filepath.Join(root, "out"), root)
	if got.stderr != "" {
		t.Errorf("standard error is %q", got.stderr)
	}
	var names []string
	var last report.Event
	lines := bufio.NewScanner(strings.NewReader(got.stdout))
	for lines.Scan() {
		last = report.Event{}
		if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		names = append(names, last.Event)
	}
	if strings.Join(names, " ") != "begin note failed start progress done end" {
		t.Errorf("the events are %q", names)
	}
	if last.Counts == nil || last.Counts.Done != 1 || last.Counts.Failed != 1 || last.Counts.ExitCode != got.code || got.code != exitFailed {
		t.Errorf("the end says %+v, the exit code is %d", last.Counts, got.code)
	}
}

func TestStandardStreams(t *testing.T) {
	t.Parallel()
	got := program(t, &fakeUpscaler{}, nil, smallPNG(t), "upscale", "-")
	if got.code != exitOK || got.stdout != "upscaled" || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("exit %d, standard output %q, standard error %q", got.code, got.stdout, got.stderr)
	}
	events := program(t, &fakeUpscaler{}, nil, smallPNG(t), "upscale", "--json", "-")
	if events.stdout != "upscaled" || !strings.Contains(events.stderr, `"event":"end"`) {
		t.Errorf("standard output %q, standard error %q", events.stdout, events.stderr)
	}
}

func TestMistakesOfUsage(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t), "b.png": smallPNG(t)})
	input := filepath.Join(root, "a.png")
	for _, c := range []struct {
		arguments, want string
	}{
		{"upscale", "FILE is missing: upscaled upscale FILE...\nSee 'upscaled upscale --help'"},
		{"keys new one two", `"two" is one argument too many: upscaled keys new NAME`},
		{"doctor one", `"one" is one argument too many: upscaled doctor`},
		{"upscale --scale 17 " + input, "--scale is 17"},
		{"upscale --scale nan " + input, "--scale is NaN"},
		{"upscale --scale 2 --width 100 " + input, "different ways"},
		{"upscale --longest 0 " + input, "--longest is 0"},
		{"upscale --fit 100 " + input, "--fit is"},
		{"upscale --denoise 1.5 " + input, "--denoise is 1.5"},
		{"upscale --mix one " + input, "--mix \"one\" is no mix"},
		{"upscale --mix a=0.5,b=0.4 " + input, "add up to 1"},
		{"upscale --mix a=0.5,b=0.5 --model c " + input, "--mix and --model exclude each other"},
		{"upscale --mix a=0.5,b=0.5 --denoise 1 " + input, "--mix and --denoise exclude each other"},
		{"upscale --quality 0 " + input, "--quality is 0"},
		{"upscale --format heic " + input, "--format \"heic\""},
		{"upscale --lossless --format png " + input, "--lossless"},
		{"upscale --lossless " + input, "add --format webp"},
		{"upscale --overwrite --skip-existing " + input, "exclude each other"},
		{"upscale --jobs -1 " + input, "--jobs is -1"},
		{"upscale --tile -1 " + input, "--tile is -1"},
		{"upscale --max-pixels lots " + input, "max-pixels"},
		{"upscale --nonsense " + input, "'upscaled upscale' has no flag --nonsense\n"},
		{"upscale --scael 2 " + input, "no flag --scael; did you mean --scale?"},
		{"upscale -z " + input, "no flag -z"},
		{"upscale --scale two " + input, `--scale takes a number, not "two": output side`},
		{"upscale --scale", "--scale needs a number"},
		{"serve --jobs many", `--jobs takes a whole number, not "many"`},
		{"serve --set queue.lease=soon", `--set queue.lease: "soon" is not a time such as 30s or 5m`},
		{"upscale --out " + root + " " + input, "would replace the input"},
		{"nonsense", `no command or file "nonsense"`},
		{"models lst", `no command "upscaled models lst"; did you mean list?`},
	} {
		got := program(t, &fakeUpscaler{}, nil, nil, strings.Fields(c.arguments)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, c.want) || got.stdout != "" || len(got.fake.requests) != 0 {
			t.Errorf("upscaled %s: exit %d, %q", c.arguments, got.code, got.stderr)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	root := folder(t, map[string][]byte{"a.png": smallPNG(t)})
	input := filepath.Join(root, "a.png")
	environment := map[string]string{"UPSCALED_MODEL": "from-environment"}
	got := program(t, &fakeUpscaler{}, environment, nil, "upscale", "--overwrite", input)
	if got.code != exitOK || got.fake.requests[0].Model != "from-environment" {
		t.Errorf("exit %d, asked for %+v", got.code, got.fake.requests)
	}
	got = program(t, &fakeUpscaler{}, environment, nil, "upscale", "--overwrite", "--model", "from-flag", input)
	if got.fake.requests[0].Model != "from-flag" {
		t.Errorf("the flag loses: asked for %+v", got.fake.requests)
	}
	got = program(t, &fakeUpscaler{}, map[string]string{"UPSCALED_THREADS": "many"}, nil, "upscale", input)
	if got.code != exitUsage || !strings.Contains(got.stderr, "UPSCALED_THREADS") {
		t.Errorf("exit %d, %q", got.code, got.stderr)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	failures := func(kinds ...fault.Kind) (all []batch.Failure) {
		for _, kind := range kinds {
			all = append(all, batch.Failure{Err: fault.New(kind, "It went wrong.")})
		}
		return all
	}
	for _, c := range []struct {
		kinds []fault.Kind
		want  int
	}{
		{nil, exitOK},
		{[]fault.Kind{fault.Invalid}, exitFailed},
		{[]fault.Kind{fault.TooLarge, fault.Unsupported}, exitFailed},
		{[]fault.Kind{fault.ModelMissing, fault.FetchFailed}, exitMissing},
		{[]fault.Kind{fault.DeviceMemory}, exitMemory},
		{[]fault.Kind{fault.DeviceLost}, exitDevice},
		{[]fault.Kind{fault.DeviceMemory, fault.Invalid}, exitFailed},
		{[]fault.Kind{fault.Internal}, exitInternal},
	} {
		if got := batchCode(context.Background(), failures(c.kinds...)); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.kinds, got, c.want)
		}
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if got := batchCode(ended, nil); got != exitInterrupted {
		t.Errorf("interrupted: exit %d", got)
	}
}

// The device decides how many images are in work.
func TestImagesAtOnce(t *testing.T) {
	t.Parallel()
	made := func(devices ...*enginetest.Runtime) engine.Upscaler {
		o := engine.Options{Runtime: devices[0], Library: enginetest.Library{Network: enginetest.Net(2, 2)}}
		for _, d := range devices[1:] {
			o.Others = append(o.Others, d)
		}
		return engine.New(o)
	}
	gpu := &enginetest.Runtime{Static: true}
	if n := atOnce(made(&enginetest.Runtime{})); n != 2 {
		t.Errorf("%d images beside a CPU", n)
	}
	one, two := atOnce(made(gpu)), atOnce(made(gpu, gpu))
	if one < 3 || one > 8 || two < 4 || two > 16 || two < one {
		t.Errorf("%d images beside one GPU, %d beside two", one, two)
	}
}
