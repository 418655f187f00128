package account_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"upscaled/models/fault"
	"upscaled/server/account"
	"upscaled/server/account/accounttest"
	"upscaled/server/job"
)

var _ job.Authenticator = (*account.Accounts)(nil)

func TestMemoryStore(t *testing.T) {
	t.Parallel()
	accounttest.TestStore(t, accounttest.NewMemory())
}

// clock is a time that tests move.
type clock struct{ unix atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(c.unix.Load(), 0) }

func newAccounts(t *testing.T) (*account.Accounts, *accounttest.Memory, *clock) {
	t.Helper()
	c, store := &clock{}, accounttest.NewMemory()
	c.unix.Store(1_700_000_000)
	return account.New(store, c.now), store, c
}

func create(t *testing.T, s *account.Accounts, o account.NewOptions) (string, string) {
	t.Helper()
	o.Name = "shop"
	key, a, err := s.Create(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return key, a.ID
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	s, store, _ := newAccounts(t)
	if c, err := s.Authenticate(t.Context(), "anything"); err != nil || c.ID != "" {
		t.Fatalf("without keys everybody passes: %v, %v", c, err)
	}
	key, id := create(t, s, account.NewOptions{Credits: 7})
	c, err := s.Authenticate(t.Context(), key)
	if err != nil || c.ID != id || *c.Credits != 7 {
		t.Fatalf("%+v, %v", c, err)
	}
	for _, wrong := range []string{"", "sk-live-", key[:len(key)-1] + "!", key + "x", strings.ToUpper(key), key[:26], "Bearer " + key} {
		if _, err := s.Authenticate(t.Context(), wrong); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if value, _, _ := store.Get(t.Context(), id); strings.Contains(string(value), key[30:]) {
		t.Error("the key is stored")
	}
	if _, err := s.Change(t.Context(), id, account.Changes{Disabled: new(true)}); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Authenticate(t.Context(), key); fault.KindOf(err) != fault.Disabled || c.ID != id {
		t.Fatalf("%+v, %v", c, err)
	}
}

// meeting is a store whose first two reads wait for each other, so that two
// changes of one record are sure to meet.
type meeting struct {
	account.Store
	reads atomic.Int64
	both  sync.WaitGroup
}

func (m *meeting) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	value, revision, err := m.Store.Get(ctx, key)
	if m.reads.Add(1) <= 2 {
		m.both.Done()
		m.both.Wait()
	}
	return value, revision, err
}

func TestParallelChargesAreExact(t *testing.T) {
	t.Parallel()
	s, memory, c := newAccounts(t)
	_, id := create(t, s, account.NewOptions{Credits: 30})
	store := &meeting{Store: memory}
	store.both.Add(2)
	s, other := account.New(store, c.now), account.New(store, c.now) // two processes on one store
	var charged atomic.Int64
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			process := s
			if i%2 == 0 {
				process = other
			}
			_, err := process.Charge(context.Background(), id, fmt.Sprint("job", i), account.Terms{Price: 1})
			if err == nil {
				charged.Add(1)
			} else if fault.KindOf(err) != fault.NoCredits {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if balance, _ := s.Balance(t.Context(), id); charged.Load() != 30 || *balance.Credits != 0 {
		t.Fatalf("%d charges passed and %d credits are left of 30", charged.Load(), *balance.Credits)
	}
}

// Whatever order charges, settlements and refunds come in, and however often
// each is repeated, no credit appears or vanishes.
func TestLedgerProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s, _, _ := newAccounts(t)
		_, id := create(t, s, account.NewOptions{Credits: 50})
		balance, holds := int64(50), map[string]int64{}
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			jobID := fmt.Sprint(rapid.IntRange(0, 5).Draw(rt, "job"))
			held, isHeld := holds[jobID]
			switch rapid.IntRange(0, 2).Draw(rt, "step") {
			case 0:
				price := rapid.Int64Range(0, 30).Draw(rt, "price")
				left, err := s.Charge(t.Context(), id, jobID, account.Terms{Price: price})
				switch {
				case isHeld:
				case price <= balance:
					balance, holds[jobID] = balance-price, price
				case fault.KindOf(err) != fault.NoCredits:
					rt.Fatalf("charge of %d on %d: %v", price, balance, err)
				}
				if *left != balance {
					rt.Fatalf("told %d, want %d", *left, balance)
				}
			case 1:
				if err := s.Settle(t.Context(), id, jobID); err != nil {
					rt.Fatal(err)
				}
				delete(holds, jobID)
			case 2:
				if err := s.Refund(t.Context(), id, jobID); err != nil {
					rt.Fatal(err)
				}
				balance += held
				delete(holds, jobID)
			}
			if c, _ := s.Balance(t.Context(), id); *c.Credits != balance {
				rt.Fatalf("balance %d, want %d", *c.Credits, balance)
			}
		}
	})
}

func TestRollingQuota(t *testing.T) {
	t.Parallel()
	s, _, c := newAccounts(t)
	_, id := create(t, s, account.NewOptions{Unlimited: true, Limits: account.Limits{PerDay: 3}})
	charge := func(n int) error {
		_, err := s.Charge(t.Context(), id, fmt.Sprint(n), account.Terms{Price: 1})
		return err
	}
	for n := range 3 {
		if err := charge(n); err != nil {
			t.Fatal(err)
		}
		c.unix.Add(3600)
	}
	err := charge(3)
	var retry *account.RetryAfter
	if fault.KindOf(err) != fault.RateLimited || !errors.As(err, &retry) {
		t.Fatalf("fourth request: %v", err)
	}
	c.unix.Add(int64(retry.Wait / time.Second))
	if err := charge(3); err != nil {
		t.Fatalf("after the told wait of %v: %v", retry.Wait, err)
	}
	if err := charge(4); fault.KindOf(err) != fault.RateLimited {
		t.Fatalf("only one slot is free: %v", err)
	}
}

// An API's own quota counts its requests alone, and yields to the account's.
func TestQuotaOfOneAPI(t *testing.T) {
	t.Parallel()
	s, _, _ := newAccounts(t)
	_, free := create(t, s, account.NewOptions{Unlimited: true})
	_, own := create(t, s, account.NewOptions{Unlimited: true, Limits: account.Limits{PerDay: 4}})
	charge := func(id, jobID, api string, perDay int) fault.Kind {
		_, err := s.Charge(t.Context(), id, jobID, account.Terms{API: api, PerDay: perDay})
		return fault.KindOf(err)
	}
	for n := range 6 {
		want := fault.Kind("")
		if n >= 2 {
			want = fault.RateLimited
		}
		if got := charge(free, fmt.Sprint("a", n), "artnex", 2); got != want {
			t.Errorf("request %d of a quota of 2: %q", n, got)
		}
		if got := charge(free, fmt.Sprint("m", n), "mnml", 0); got != "" {
			t.Errorf("request %d without a quota: %q", n, got)
		}
		want = ""
		if n >= 4 {
			want = fault.RateLimited
		}
		if got := charge(own, fmt.Sprint("o", n), "artnex", 2); got != want {
			t.Errorf("request %d of an own quota of 4: %q", n, got)
		}
	}
}

func TestRateAndConcurrency(t *testing.T) {
	t.Parallel()
	s, _, c := newAccounts(t)
	_, id := create(t, s, account.NewOptions{Unlimited: true, Limits: account.Limits{PerSecond: 2, Concurrent: 3}})
	charge := func(jobID string) fault.Kind {
		_, err := s.Charge(t.Context(), id, jobID, account.Terms{Price: 1})
		return fault.KindOf(err)
	}
	if charge("a") != "" || charge("b") != "" || charge("c") != fault.RateLimited {
		t.Error("a burst of two passes, a third does not")
	}
	c.unix.Add(5)
	if charge("c") != "" || charge("d") != fault.RateLimited {
		t.Error("three unfinished jobs are allowed, not four")
	}
	if err := s.Settle(t.Context(), id, "a"); err != nil || charge("d") != "" {
		t.Error("a finished job makes room")
	}
}

func TestTopUp(t *testing.T) {
	t.Parallel()
	s, _, _ := newAccounts(t)
	_, id := create(t, s, account.NewOptions{Credits: 5})
	if a, err := s.Change(t.Context(), id, account.Changes{AddCredits: 10}); err != nil || a.Credits != 15 {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := s.Change(t.Context(), id, account.Changes{AddCredits: -16}); fault.KindOf(err) != fault.Invalid {
		t.Fatalf("below zero: %v", err)
	}
	if _, err := s.Change(t.Context(), "0123", account.Changes{AddCredits: 1}); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("unknown: %v", err)
	}
	if accounts, err := s.List(t.Context()); err != nil || len(accounts) != 1 || accounts[0].Credits != 15 {
		t.Fatalf("%+v, %v", accounts, err)
	}
}

// TestPurchases checks the figures of AILab's call for credits: what was bought
// in all, what there was after the latest purchase, and when.
func TestPurchases(t *testing.T) {
	t.Parallel()
	s, _, c := newAccounts(t)
	start := c.unix.Load()
	_, id := create(t, s, account.NewOptions{})
	told := func(step string, total, balance, first, changed int64) {
		t.Helper()
		now, err := s.Balance(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		p, unix := now.Purchases, func(t time.Time) int64 {
			if t.IsZero() {
				return 0
			}
			return t.Unix() - start
		}
		if p.Total != total || p.Balance != balance || unix(p.First) != first || unix(p.Changed) != changed {
			t.Errorf("%s: %+v, want total %d, balance %d, first %d s, changed %d s", step, p, total, balance, first, changed)
		}
	}
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		c.unix.Add(10)
	}
	topUp := func(credits int64) error {
		_, err := s.Change(t.Context(), id, account.Changes{AddCredits: credits})
		return err
	}
	told("nothing bought", 0, 0, 0, 0)
	c.unix.Add(10)
	step(topUp(100))
	told("bought", 100, 100, 10, 10)
	_, err := s.Charge(t.Context(), id, "job", account.Terms{Price: 30})
	step(err)
	told("spent", 100, 100, 10, 20)
	step(topUp(50))
	told("bought again", 150, 120, 10, 30)
	step(s.Refund(t.Context(), id, "job"))
	told("given back", 150, 120, 10, 40)
	step(topUp(-20))
	told("taken back", 130, 120, 10, 50)
}

// TestPurchasesOfOldRecords reads an account made before purchases were kept.
func TestPurchasesOfOldRecords(t *testing.T) {
	t.Parallel()
	s, store, _ := newAccounts(t)
	const old = `{"id":"a1","name":"shop","hash":"","credits":70,"created":"2026-01-02T03:04:05Z","limits":{},"holds":{"job":30}}`
	if err := store.Create(t.Context(), "a1", []byte(old)); err != nil {
		t.Fatal(err)
	}
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	now, err := s.Balance(t.Context(), "a1")
	if want := (job.Purchases{Total: 100, Balance: 70, First: made, Changed: made}); err != nil || now.Purchases != want {
		t.Errorf("%+v, %v; want %+v", now.Purchases, err, want)
	}
	if _, err := s.Change(t.Context(), "a1", account.Changes{AddCredits: 5}); err != nil {
		t.Fatal(err)
	}
	if now, err = s.Balance(t.Context(), "a1"); err != nil || now.Purchases.Total != 105 || now.Purchases.Balance != 75 || !now.Purchases.First.Equal(made) {
		t.Errorf("after a purchase: %+v, %v", now.Purchases, err)
	}
}
