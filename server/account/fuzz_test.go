package account_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"upscaled/server/account"
	"upscaled/server/account/accounttest"
)

// FuzzRecord puts any bytes where an account is kept: it cannot be read, or a
// charge and its refund leave it with the credits it had, and nobody can spend
// more than that.
func FuzzRecord(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	for _, a := range []account.Account{
		{ID: "id", Credits: 50, Holds: map[string]int64{"job": 3}},
		{ID: "id", Unlimited: true, Limits: account.Limits{PerDay: 2, PerSecond: 0.5, Concurrent: 1}, Tokens: 1, Refilled: now},
		{ID: "id", Disabled: true, Credits: math.MaxInt64},
	} {
		text, err := json.Marshal(a)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"credits": -9223372036854775808, "holds": {"new": -1}, "window": [{"s": 9223372036854775807, "n": -1}]}`))
	f.Add([]byte(`{"credits": 5, "limits": {"per_second": 1e308, "per_day": -1, "concurrent": -1}, "tokens": -1e308, "refilled": "0001-01-02T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var stored account.Account
		readable := json.Unmarshal(text, &stored) == nil
		_, held := stored.Holds["new"]
		store := accounttest.NewMemory()
		if err := store.Create(t.Context(), "id", text); err != nil {
			t.Fatal(err)
		}
		accounts := account.New(store, func() time.Time { return now })
		left, err := accounts.Charge(t.Context(), "id", "new", account.Terms{API: "x", Price: 7, PerDay: 3, Concurrent: 100})
		if !readable && err == nil {
			t.Fatalf("%q was charged", text)
		}
		if err != nil || held {
			return
		}
		if !stored.Unlimited && (stored.Credits < 7 || *left != stored.Credits-7) || stored.Disabled {
			t.Fatalf("%+v was charged and has %d", stored, *left)
		}
		for range 2 { // a refund may be repeated
			if err := accounts.Refund(t.Context(), "id", "new"); err != nil {
				t.Fatal(err)
			}
		}
		all, err := accounts.List(t.Context())
		if err != nil || len(all) != 1 || all[0].Credits != stored.Credits {
			t.Fatalf("%+v became %+v, %v", stored, all, err)
		}
	})
}
