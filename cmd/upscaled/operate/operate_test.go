package operate_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"upscaled/cmd/upscaled/operate"
	"upscaled/cmd/upscaled/settings"
	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/dialect/native"
	"upscaled/server/job"
	"upscaled/server/queue"
)

var errUsage = errors.New("usage")

// tools are the commands on a store with a running queue.
type tools struct {
	*queue.Queue
	connection *queue.Connection
}

func start(t *testing.T) tools {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	c, err := queue.Embed(t.TempDir(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	store, err := c.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(t.Context(), c, queue.Options{
		MaxUnfinished: 10, Retention: time.Hour, Lease: time.Minute, Attempts: 1, Ledger: account.New(store, time.Now), Log: log, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = q.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return tools{q, c}
}

// run runs a command line and returns what it wrote.
func (s tools) run(t *testing.T, arguments ...string) (stdout string, err error) {
	t.Helper()
	var out, log bytes.Buffer
	root := &cobra.Command{Use: "upscaled", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(operate.Commands(operate.Program{
		Stdout: &out, Stderr: &log, LookupEnv: func(string) (string, bool) { return "", false }, Terminal: func(any) bool { return false },
		Declare: func(*cobra.Command, []settings.Setting) {},
		Join:    func(settings.Queue, *slog.Logger, bool) (*queue.Connection, error) { return s.connection, nil },
		Usage:   func(error) error { return errUsage },
	})...)
	root.SetArgs(arguments)
	root.SetOut(&out)
	err = root.ExecuteContext(t.Context())
	return out.String(), err
}

func (s tools) must(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := s.run(t, arguments...)
	if err != nil {
		t.Fatalf("%v: %v", arguments, err)
	}
	return out
}

func (s tools) key(t *testing.T) native.KeyView {
	t.Helper()
	var all []native.KeyView
	if err := json.Unmarshal([]byte(s.must(t, "keys", "list", "--json")), &all); err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v", all, err)
	}
	return all[0]
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.must(t, "keys", "new", "shop", "--credits", "5", "--per-day", "9", "--expires", "720h")
	key := s.key(t)
	if key.Operator || *key.Credits != 5 || key.PerDay != 9 || time.Until(*key.Expires) < 719*time.Hour {
		t.Errorf("%+v", key)
	}
	s.must(t, "keys", "set", key.ID, "--per-second", "2.5", "--expires", "never")
	s.must(t, "keys", "topup", key.ID, "3")
	if key = s.key(t); key.PerSecond != 2.5 || key.PerDay != 9 || key.Name != "shop" || key.Expires != nil || *key.Credits != 8 {
		t.Errorf("%+v", key)
	}
	s.must(t, "keys", "set", key.ID, "--expires", "2100-01-31")
	if key = s.key(t); key.Expires == nil || key.Expires.Year() < 2099 || key.PerSecond != 2.5 {
		t.Errorf("%+v", key)
	}
	if second := s.must(t, "keys", "rotate", key.ID, "--overlap", "1h"); second == first || s.key(t).PreviousUntil == nil {
		t.Errorf("%+v", s.key(t))
	}
	s.must(t, "keys", "disable", key.ID)
	if table := s.must(t, "keys", "list"); !strings.Contains(table, "disabled") || !strings.Contains(table, "2100-01-3") {
		t.Error(table)
	}
	if err := submit(t, s, key.ID, "refused"); fault.KindOf(err) != fault.Disabled {
		t.Error(err)
	}
	s.must(t, "keys", "enable", key.ID)
	if err := submit(t, s, key.ID, "counted"); err != nil {
		t.Fatal(err)
	}
	if usage := s.must(t, "keys", "usage", key.ID); !strings.Contains(usage, time.Now().UTC().Format(time.DateOnly)) {
		t.Error(usage)
	}
	for _, wrong := range [][]string{{"keys", "set", key.ID, "--expires", "tomorrow"}, {"keys", "topup", key.ID, "many"}, {"jobs", "priority", "counted", "urgent"}} {
		if _, err := s.run(t, wrong...); !errors.Is(err, errUsage) {
			t.Errorf("%v: %v", wrong, err)
		}
	}
	s.must(t, "keys", "delete", key.ID)
	for _, gone := range [][]string{{"keys", "delete", key.ID}, {"keys", "usage", key.ID}, {"keys", "set", key.ID}} {
		if _, err := s.run(t, gone...); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%v: %v", gone, err)
		}
	}
}

func submit(t *testing.T, s tools, account, id string) error {
	t.Helper()
	_, err := s.Submit(t.Context(), job.Spec{ID: id, API: "mnml", Account: account, Price: 1, Options: job.Options{Model: "some-model"}}, []byte("input"))
	return err
}

func TestJobs(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, id := range []string{"first", "second"} {
		if err := submit(t, s, "", id); err != nil {
			t.Fatal(err)
		}
	}
	list := func(flags ...string) (ids string) {
		var all []native.QueueJob
		if err := json.Unmarshal([]byte(s.must(t, append([]string{"jobs", "--json"}, flags...)...)), &all); err != nil {
			t.Fatal(err)
		}
		for _, j := range all {
			ids += j.ID + " " + string(j.State) + " " + string(j.Priority) + "; "
		}
		return ids
	}
	s.must(t, "jobs", "priority", "second", "high")
	if got := list("--state", "queued", "--model", "some-model", "--younger-than", "1h", "--api", "mnml"); got != "second queued high; first queued normal; " {
		t.Error(got)
	}
	s.must(t, "jobs", "cancel", "first") // which may overtake the other on a busy machine
	lease, err := s.Next(t.Context(), job.Small)
	if err != nil || lease.Job().ID != "second" {
		t.Fatalf("%v, %v", lease, err)
	}
	if err := lease.Fail(t.Context(), job.Failure{Kind: fault.Internal, Message: "It broke."}); err != nil {
		t.Fatal(err)
	}
	if table := s.must(t, "jobs"); !strings.Contains(table, "canceled") || !strings.Contains(table, "It broke.") || !strings.Contains(table, "some-model") {
		t.Error(table)
	}
	s.must(t, "jobs", "retry", "second")
	if got := list(); got != "second queued high; first canceled normal; " {
		t.Error(got)
	}
	if _, err := s.run(t, "jobs", "retry", "first"); fault.KindOf(err) != fault.Invalid {
		t.Error(err)
	}
	if got := s.must(t, "workers"); !strings.Contains(got, "There are no workers") {
		t.Error(got)
	}
	if _, err := s.run(t, "workers", "drain", "gpu1"); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}
