package account

import (
	"context"
	"crypto/subtle"
	"slices"
	"time"

	"upscaled/models/fault"
)

// Changes are an operator's changes to an account; nil fields stay as they are.
type Changes struct {
	Name       *string  `json:"name"`
	Disabled   *bool    `json:"disabled"`
	PerDay     *int     `json:"per_day"`
	PerSecond  *float64 `json:"per_second"`
	Concurrent *int     `json:"concurrent"`
	// Expires is when the key stops working; the zero time is never.
	Expires *time.Time `json:"expires"`
	// AddCredits are added to the balance, or taken if negative.
	AddCredits int64 `json:"add_credits"`
}

func set[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

// Change changes a key; running jobs continue. The balance never falls below 0.
func (s *Accounts) Change(ctx context.Context, id string, c Changes) (Account, error) {
	return s.manage(ctx, id, func(a *Account) error {
		set(&a.Name, c.Name)
		set(&a.Disabled, c.Disabled)
		set(&a.Limits.PerDay, c.PerDay)
		set(&a.Limits.PerSecond, c.PerSecond)
		set(&a.Limits.Concurrent, c.Concurrent)
		set(&a.Expires, c.Expires)
		if a.Name == "" || a.Limits.PerDay < 0 || a.Limits.PerSecond < 0 || a.Limits.Concurrent < 0 {
			return fault.New(fault.Invalid, "A key needs a name, and limits of at least 0.")
		}
		if a.Credits+c.AddCredits < 0 {
			return fault.New(fault.Invalid, "The balance cannot go below 0: it is %d.", a.Credits)
		}
		if c.AddCredits != 0 {
			a.buy(c.AddCredits, s.now().UTC())
		}
		return nil
	})
}

// Rotate replaces a key's secret and returns the new key, which cannot be recovered
// later. The old one works for the overlap.
func (s *Accounts) Rotate(ctx context.Context, id string, overlap time.Duration) (key string, a Account, err error) {
	key = newKey(id)
	a, err = s.manage(ctx, id, func(a *Account) error {
		if overlap < 0 {
			return fault.New(fault.Invalid, "The overlap must be at least 0.")
		}
		a.Previous, a.PreviousUntil = "", time.Time{}
		if overlap > 0 {
			a.Previous, a.PreviousUntil = a.Hash, s.now().Add(overlap).UTC()
		}
		a.Hash = hashKey(key)
		return nil
	})
	return key, a, err
}

// Delete ends a key for good; its unfinished jobs continue.
func (s *Accounts) Delete(ctx context.Context, id string) (Account, error) {
	return s.manage(ctx, id, func(a *Account) error {
		a.Hash, a.Previous, a.Deleted = "", "", true
		return nil
	})
}

// manage is edit for accounts that are not deleted.
func (s *Accounts) manage(ctx context.Context, id string, change func(*Account) error) (Account, error) {
	return s.edit(ctx, id, func(a *Account) (bool, error) {
		if a.Deleted {
			return false, named(ErrNoRecord)
		}
		return true, change(a)
	})
}

// List returns all accounts, sorted by name.
func (s *Accounts) List(ctx context.Context) ([]Account, error) {
	all, err := s.all(ctx)
	return slices.DeleteFunc(all, func(a Account) bool { return a.Deleted }), err
}

// accepts reports, in a time that does not depend on the hashes, whether a key with
// this hash is the account's.
func (a *Account) accepts(hash string, now time.Time) bool {
	current := subtle.ConstantTimeCompare([]byte(hash), []byte(a.Hash))
	previous := subtle.ConstantTimeCompare([]byte(hash), []byte(a.Previous))
	//guard:rotated-key TestRotation
	if !now.Before(a.PreviousUntil) {
		previous = 0
	}
	return current|previous == 1
}

// refusal returns why the account's key does not work at present, or nil.
func (a *Account) refusal(now time.Time) error {
	switch {
	//guard:disabled-key TestAuthentication
	case a.Disabled:
		return fault.New(fault.Disabled, "The API key is disabled.")
	//guard:expired-key TestExpiry
	case !a.Expires.IsZero() && !now.Before(a.Expires):
		return fault.New(fault.Disabled, "The API key has expired.")
	case a.Deleted:
		return fault.New(fault.Disabled, "The API key was deleted.")
	}
	return nil
}
