package account_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"upscaled/models/fault"
	"upscaled/server/account"
)

func kindOf(t *testing.T, s *account.Accounts, key string) fault.Kind {
	t.Helper()
	_, err := s.Authenticate(t.Context(), key)
	return fault.KindOf(err)
}

// The old secret works for the overlap and not a second longer; without one it ends
// at once. So does the one before it.
func TestRotation(t *testing.T) {
	t.Parallel()
	s, _, c := newAccounts(t)
	first, id := create(t, s, account.NewOptions{Credits: 5})
	second, _, err := s.Rotate(t.Context(), id, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c.unix.Add(3599)
	if first == second || kindOf(t, s, first) != "" || kindOf(t, s, second) != "" {
		t.Errorf("within the overlap: %v, %v", kindOf(t, s, first), kindOf(t, s, second))
	}
	c.unix.Add(1)
	if kindOf(t, s, first) != fault.Unauthorized || kindOf(t, s, second) != "" {
		t.Errorf("after it: %v, %v", kindOf(t, s, first), kindOf(t, s, second))
	}
	third, a, err := s.Rotate(t.Context(), id, 0)
	if err != nil || a.Credits != 5 || kindOf(t, s, third) != "" {
		t.Fatal(a, err)
	}
	for _, old := range []string{first, second} {
		if kind := kindOf(t, s, old); kind != fault.Unauthorized {
			t.Errorf("an old secret: %q", kind)
		}
	}
	if _, _, err := s.Rotate(t.Context(), id, -1); fault.KindOf(err) != fault.Invalid || kindOf(t, s, third) != "" {
		t.Errorf("a negative overlap: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	s, _, c := newAccounts(t)
	key, id := create(t, s, account.NewOptions{Credits: 5})
	if _, err := s.Change(t.Context(), id, account.Changes{Expires: new(c.now().Add(time.Minute))}); err != nil {
		t.Fatal(err)
	}
	c.unix.Add(59)
	if kind := kindOf(t, s, key); kind != "" {
		t.Errorf("before: %q", kind)
	}
	c.unix.Add(1)
	_, err := s.Charge(t.Context(), id, "job", account.Terms{Price: 1})
	if kindOf(t, s, key) != fault.Disabled || fault.KindOf(err) != fault.Disabled {
		t.Errorf("after: %v, %v", kindOf(t, s, key), err)
	}
	if _, err := s.Change(t.Context(), id, account.Changes{Expires: new(time.Time{})}); err != nil || kindOf(t, s, key) != "" {
		t.Errorf("without an end: %v", err)
	}
}

// A deleted key is gone for everybody, but its unfinished job is paid or refunded,
// and the server does not become open.
func TestDeletion(t *testing.T) {
	t.Parallel()
	s, store, c := newAccounts(t)
	key, id := create(t, s, account.NewOptions{Credits: 5})
	if _, err := s.Charge(t.Context(), id, "job", account.Terms{Price: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Delete(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	all, err := s.List(t.Context())
	if err != nil || len(all) != 0 || kindOf(t, s, key) != fault.Unauthorized || kindOf(t, s, "") != fault.Unauthorized {
		t.Errorf("%v, %v", all, err)
	}
	if enabled, err := account.New(store, c.now).Enabled(t.Context()); !enabled || err != nil {
		t.Errorf("another server is open: %v", err)
	}
	holds, err := s.Holds(t.Context())
	if err != nil || len(holds) != 1 {
		t.Errorf("%v, %v", holds, err)
	}
	if err := s.Refund(t.Context(), id, "job"); err != nil {
		t.Error(err)
	}
	if left, err := s.Balance(t.Context(), id); err != nil || *left.Credits != 5 {
		t.Errorf("%v, %v", left, err)
	}
	_, gone := s.Delete(t.Context(), id)
	_, changed := s.Change(t.Context(), id, account.Changes{AddCredits: 1})
	_, _, rotated := s.Rotate(t.Context(), id, 0)
	_, charged := s.Charge(t.Context(), id, "second", account.Terms{Price: 1})
	for _, err := range []error{gone, changed, rotated} {
		if fault.KindOf(err) != fault.NotFound {
			t.Error(err)
		}
	}
	if fault.KindOf(charged) != fault.Disabled {
		t.Error(charged)
	}
}

// Jobs count on the day of their acceptance, credits on that of their end; refunds
// count nothing, and repeated calls once. Days without use take no place.
func TestUsage(t *testing.T) {
	t.Parallel()
	s, _, c := newAccounts(t)
	_, id := create(t, s, account.NewOptions{Credits: 1000})
	day := func() string { return c.now().UTC().Format(time.DateOnly) }
	for n := range 3 {
		for range 2 {
			if _, err := s.Charge(t.Context(), id, fmt.Sprint(n), account.Terms{Price: 10}); err != nil {
				t.Fatal(err)
			}
		}
	}
	first := day()
	c.unix.Add(86400)
	for range 2 {
		if err := errors.Join(s.Settle(t.Context(), id, "0"), s.Settle(t.Context(), id, "1"), s.Refund(t.Context(), id, "2")); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.List(t.Context())
	want := fmt.Sprint([]account.Usage{{Day: first, Jobs: 3}, {Day: day(), Succeeded: 2, Credits: 20}})
	if err != nil || fmt.Sprint(all[0].Usage) != want {
		t.Errorf("%v, %v, want %s", all[0].Usage, err, want)
	}
	for range 2 { // a damaged result
		if err := s.Reopen(t.Context(), id, "0", 10); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ = s.List(t.Context()); all[0].Usage[1].Succeeded != 1 || all[0].Usage[1].Credits != 10 {
		t.Errorf("%+v", all[0].Usage)
	}
	if err := s.Refund(t.Context(), id, "0"); err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		c.unix.Add(86400)
		if _, err := s.Charge(t.Context(), id, fmt.Sprint("later", n), account.Terms{}); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ = s.List(t.Context()); len(all[0].Usage) != 31 || all[0].Usage[30].Day != day() {
		t.Errorf("%d days, the last %v", len(all[0].Usage), all[0].Usage[len(all[0].Usage)-1])
	}
}
