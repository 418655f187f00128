//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"upscaled/engine/imagedata"
	"upscaled/engine/imagedata/decode"
	"upscaled/server/queue/natstest"
)

// soakVariable is how long TestSoak lasts; soakProgramVariable names the built
// program whose server and networks are then looked at, in place of the
// pretend ones. scripts/soak sets both.
const (
	soakVariable        = "UPSCALED_SOAK"
	soakProgramVariable = "UPSCALED_SOAK_PROGRAM"
)

// soak is one run.
type soak struct {
	length, interval, retention time.Duration
	// rest is how long the server is idle before the load, patience how long
	// it may take to be so again.
	rest, patience time.Duration
	clients        int
	// program runs with environment.
	program     string
	environment []string
	// arguments are those of server and command line for the engine.
	arguments []string
	// long reports whether the run is long enough to judge growth.
	long bool
}

func soakOf(t *testing.T) soak {
	t.Helper()
	const shortest = 16 * time.Minute // so that all that expires has done so after a quarter
	s := soak{
		length: 2 * time.Second, interval: 100 * time.Millisecond, retention: 2 * time.Minute, rest: time.Second / 2, patience: patience, clients: 4,
		program: built, environment: isolatedEnvironment(),
	}
	if program := os.Getenv(soakProgramVariable); program != "" {
		s.program, s.environment, s.arguments = program, nil, []string{"--offline", "--device", "cpu"}
	}
	text := os.Getenv(soakVariable)
	if text == "" {
		return s
	}
	length, err := time.ParseDuration(text)
	if err != nil || length < shortest {
		t.Fatalf("%s is %q; it is a time of %s at least", soakVariable, text, shortest)
	}
	s.length, s.interval, s.long, s.clients = length, max(length/240, time.Second), true, 8
	s.rest, s.patience = 20*time.Second, 5*time.Minute
	return s
}

// A server under a mixed load, of jobs of all APIs, good and bad images and
// clients that hang up: nothing grows, nothing stays behind, and every result
// is that of the command line, byte for byte.
func TestSoak(t *testing.T) {
	t.Parallel()
	s := soakOf(t)
	load, watch := s.start(t)
	load.warmUp(t)
	before, _ := watch.settle(t, soakSample{}, s.rest, func(soakBound) bool { return true }) // all is above nothing: the whole time
	if idle := before.values["temporary files"]; idle > 0 {
		t.Errorf("there are %.0f temporary files before the load", idle)
	}
	samples := s.run(t, load, watch)
	after, left := watch.settle(t, before, s.patience, s.judges)
	t.Logf("done: %v\n%s", load.done, soakTable(before, samples, after))
	for _, said := range left {
		t.Error("left behind: " + said)
	}
	for _, b := range soakBounds() {
		if said := b.grew(samples); s.long && said != "" {
			t.Error(said)
		}
	}
	if t.Failed() {
		t.Logf("goroutines:\n%s", watch.goroutines(t))
	}
	for _, said := range load.wrong {
		t.Error("wrong: " + said)
	}
	watch.checkLog(t)
	load.checkCredits(t, watch)
	s.compare(t, load)
}

// judges says which bounds a run is long enough for: a short one ends before
// anything has expired, and while the store still has it in memory.
func (s soak) judges(b soakBound) bool {
	return s.long || !strings.HasPrefix(b.name, "stored") && b.name != soakHeap
}

// soakCredits are more than any run costs.
const soakCredits = 1_000_000_000

// start starts the server and the services outside of it.
func (s soak) start(t *testing.T) (*soakLoad, soakWatch) {
	t.Helper()
	load := &soakLoad{
		pictures: soakPictures(t), retention: s.retention, made: map[string]map[[sha256.Size]byte]*soakResult{}, done: map[string]int{},
	}
	outside, certificate := secureServer(t, func(w http.ResponseWriter, r *http.Request) {
		picture, found := load.pictures[strings.TrimPrefix(r.URL.Path, "/")]
		switch {
		case r.Method == http.MethodPost:
			load.count("webhooks received")
		case found:
			_, _ = w.Write(picture)
		default:
			http.NotFound(w, r)
		}
	})
	watch := soakWatch{data: t.TempDir(), temporary: t.TempDir()}
	load.outside, load.key = outside, keys(t, watch.data, "new", "soak", "--credits", fmt.Sprint(soakCredits))
	command := s.command(append([]string{
		"serve", "--listen", "127.0.0.1:0", "--data", watch.data, "--set", "queue.retention=" + s.retention.String(), "--set", "apis.artnex.per-day=0",
		"--set", "queue.large-pixels=30000", "--set", "fetch.ranges=127.0.0.0/8", "--metrics-listen", "127.0.0.1:0", "--set", "pprof.listen=127.0.0.1:0",
	}, s.arguments...)...)
	command.Env = append(command.Env, "TMPDIR="+watch.temporary, "SSL_CERT_FILE="+certificate)
	watch.process = begin(t, command).ready(t)
	load.url = watch.url
	store := natstest.Join(t, watch.data)
	watch.stored = func(ctx context.Context) (pictures, others natstest.Amount, err error) {
		return natstest.Amounts(ctx, store)
	}
	watch.metrics = process{log: watch.log}.watchedAt(t, "metrics-listen")
	watch.profiles = process{log: watch.log}.watchedAt(t, "pprof.listen")
	return load, watch
}

func (s soak) command(arguments ...string) *exec.Cmd {
	command := exec.Command(s.program, arguments...)
	command.Env = append(os.Environ(), s.environment...)
	return command
}

// warmUp makes every case once, one after the other, so that what is left of
// it is there before the first look.
func (l *soakLoad) warmUp(t *testing.T) {
	t.Helper()
	client, done := l.newClient(t, 0)
	defer done()
	for _, c := range soakCases() {
		l.turn(client, c)
	}
	if len(l.wrong) > 0 {
		t.Fatalf("without load: %s", strings.Join(l.wrong, "\n"))
	}
}

// turn makes one case.
func (l *soakLoad) turn(client *soakClient, c soakCase) {
	result, err := c.ask(client, l.pictures[c.picture])
	if err != nil {
		l.mistake("%s: %v", c.name, err)
		return
	}
	l.count("results")
	l.keep(c.name, result)
}

// run is the load itself, with the samples that are taken meanwhile.
func (s soak) run(t *testing.T, load *soakLoad, watch soakWatch) []soakSample {
	t.Helper()
	began := time.Now()
	var over atomic.Bool
	var clients sync.WaitGroup
	for i := range s.clients {
		clients.Go(func() {
			client, done := load.newClient(t, int64(i+1))
			defer done()
			for !over.Load() {
				load.oneTurn(client)
			}
		})
	}
	var samples []soakSample
	engine, told := watch.engine(t), time.Duration(0)
	for time.Since(began) < s.length {
		time.Sleep(s.interval)
		now := watch.look(t, began, false)
		now.values[soakResults] = float64(load.results())
		samples = append(samples, now)
		now.byResult(samples, s.retention)
		if now.at-told > time.Minute {
			told = now.at
			t.Logf("%4.0f s: %d results, server %.0f MiB, engine %.0f MiB, heap %.1f MiB, %.0f goroutines, stored %.1f MiB and %.0f records",
				now.at.Seconds(), load.results(), now.values["server memory, MiB"], now.values["engine memory, MiB"], now.values["server heap, MiB"],
				now.values["server goroutines"], now.values["stored pictures, MiB"], now.values["stored records"])
		}
	}
	over.Store(true)
	clients.Wait()
	if watch.engine(t) != engine {
		t.Errorf("the engine's process was started again: it crashed\n%s", watch.log)
	}
	return samples
}

func (l *soakLoad) results() int {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.done["results"]
}

// oneTurn is a case two times of three, else an oddity.
func (l *soakLoad) oneTurn(client *soakClient) {
	if !client.one(3) {
		cases := soakCases()
		l.turn(client, cases[client.random.Intn(len(cases))])
		return
	}
	oddities := soakOddities()
	names := slices.Sorted(maps.Keys(oddities))
	name := names[client.random.Intn(len(names))]
	switch err := oddities[name](client); err {
	case nil:
		l.count(name)
	case errNothingYet:
	default:
		l.mistake("%s: %v", name, err)
	}
}

// checkCredits compares what was taken with the jobs that succeeded.
func (l *soakLoad) checkCredits(t *testing.T, watch soakWatch) {
	t.Helper()
	prices, succeeded := defaultPrices(), int64(0)
	for line, jobs := range scrape(t, watch.metrics) {
		if rest, is := strings.CutPrefix(line, `upscaled_jobs_total{api="`); is && strings.Contains(line, `outcome="succeeded"`) {
			api, _, _ := strings.Cut(rest, `"`)
			succeeded += int64(jobs) * prices[api]
		}
	}
	listed := decodeJSON[[]keyView](t, []byte(keys(t, watch.data, "list", "--json")))
	if spent := soakCredits - *listed[0].Credits; spent != succeeded || spent == 0 || listed[0].Unfinished != 0 {
		t.Errorf("%d credits were taken for jobs worth %d; %d are open", spent, succeeded, listed[0].Unfinished)
	}
}

// compare makes each case's image with the command line. All results of the
// case must be its bytes.
func (s soak) compare(t *testing.T, load *soakLoad) {
	t.Helper()
	folder, total := t.TempDir(), 0
	for i, c := range soakCases() {
		want := s.byHand(t, filepath.Join(folder, fmt.Sprint(i)), c, load.pictures[c.picture])
		for _, result := range load.made[c.name] {
			total += result.times
			if !bytes.Equal(withoutPostprocessing(result.picture), want) {
				t.Errorf("%s: %d results, %s, are not the command line's picture, %s", c.name, result.times, described(result.picture), described(want))
			}
		}
		if len(load.made[c.name]) == 0 {
			t.Errorf("%s was never made", c.name)
		}
	}
	t.Logf("%d results of %d kinds compared with the command line's", total, len(soakCases()))
}

// withoutPostprocessing returns a PNG file without the text that AUTOMATIC1111's API
// adds, and other files as they are.
func withoutPostprocessing(file []byte) []byte {
	const signature = 8
	if !bytes.HasPrefix(file, []byte("\x89PNG")) {
		return file
	}
	kept := slices.Clone(file[:signature])
	for rest := file[signature:]; len(rest) >= 12; {
		chunk := rest[:min(len(rest), 12+int(binary.BigEndian.Uint32(rest)))]
		if !bytes.HasPrefix(chunk[4:], []byte("tEXtpostprocessing\x00")) {
			kept = append(kept, chunk...)
		}
		rest = rest[len(chunk):]
	}
	return kept
}

// described returns a description that differs between images.
func described(file []byte) string {
	info, err := decode.Probe(file, imagedata.Limits{})
	return fmt.Sprintf("%d bytes %x, %v %v", len(file), sha256.Sum256(file), info, err)
}

// byHand is the command line's image of a case; path begins the names of the
// files. The pretend engine needs no process of its own.
func (s soak) byHand(t *testing.T, path string, c soakCase, picture []byte) []byte {
	t.Helper()
	input, arguments := path+"-"+c.picture, c.arguments
	if !strings.Contains(arguments, "--format") {
		arguments += " --format " + strings.TrimPrefix(filepath.Ext(c.picture), ".")
	}
	fields := strings.Fields(arguments)
	output := path + "-out." + fields[slices.Index(fields, "--format")+1]
	if err := os.WriteFile(input, picture, 0o600); err != nil {
		t.Fatal(err)
	}
	line := slices.Concat([]string{"upscale", "--quiet", "--out", output}, fields, s.arguments, []string{input})
	if said, err := s.command(line...).CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", line, err, said)
	}
	made, err := os.ReadFile(output)
	if err != nil {
		t.Error(err)
	}
	return made
}

// checkLog logs warnings, and fails for errors: no client may cause any.
func (w soakWatch) checkLog(t *testing.T) {
	t.Helper()
	said := map[string]int{}
	for line := range strings.Lines(w.log.String()) {
		var told struct{ Level, Msg, Error string }
		if json.Unmarshal([]byte(line), &told) != nil {
			t.Errorf("the log has %s", line)
		}
		switch told.Level {
		case "WARN":
			said[told.Msg+": "+told.Error]++
		case "ERROR":
			t.Error("the log has " + line)
		}
	}
	for text, times := range said {
		t.Logf("%d warnings: %s", times, text)
	}
}
