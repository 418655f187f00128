package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"upscaled/models/fault"
	"upscaled/server/job"
)

// keyPrefix begins every key, so that secret scanners recognize it.
const keyPrefix = "sk-live-"

// Accounts is the store of keys and credits. It implements job.Authenticator and may
// be used concurrently.
type Accounts struct {
	store Store
	now   func() time.Time
	// configured is set once a key was seen; records of keys are never deleted, so it
	// is never reset.
	configured atomic.Bool
	// absent is the Unix time in ms until which the store is assumed to have no
	// keys, so that a server without keys need not look at every request.
	absent atomic.Int64
}

// absence is the longest time until a first key is noticed by processes other than
// the one that created it.
const absence = 100 * time.Millisecond

// New returns the accounts of a store; now is the clock (time.Now).
func New(store Store, now func() time.Time) *Accounts { return &Accounts{store: store, now: now} }

// NewOptions describe a new account.
type NewOptions struct {
	Name      string
	Credits   int64
	Unlimited bool
	Operator  bool
	Limits    Limits
	Expires   time.Time // zero: never
}

// Create creates an account and returns its key, which cannot be recovered later.
func (s *Accounts) Create(ctx context.Context, o NewOptions) (key string, a Account, err error) {
	if strings.TrimSpace(o.Name) == "" || o.Credits < 0 || o.Limits.PerDay < 0 || o.Limits.PerSecond < 0 || o.Limits.Concurrent < 0 {
		return "", Account{}, fault.New(fault.Invalid, "A key needs a name, and credits and limits of at least 0.")
	}
	id := make([]byte, 9)
	_, _ = rand.Read(id) // never fails, see crypto/rand
	a = Account{
		ID: hex.EncodeToString(id), Name: o.Name, Unlimited: o.Unlimited, Operator: o.Operator,
		Created: s.now().UTC(), Limits: o.Limits, Expires: o.Expires, Purchases: &job.Purchases{},
	}
	a.buy(o.Credits, a.Created)
	a.Purchases.Changed = a.Created
	key = newKey(a.ID)
	a.Hash = hashKey(key)
	value, err := json.Marshal(a)
	if err != nil {
		return "", Account{}, fmt.Errorf("encode account: %w", err)
	}
	if err := s.store.Create(ctx, a.ID, value); err != nil {
		return "", Account{}, fmt.Errorf("store account: %w", err)
	}
	s.configured.Store(true)
	return key, a, nil
}

// newKey returns a key with a new secret.
func newKey(id string) string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	return keyPrefix + id + base64.RawURLEncoding.EncodeToString(secret)
}

// hashKey is plain SHA-256: a key has 256 random bits, so a slow password hash would
// protect nothing and cost time on every request.
func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// accountID returns the public part of a key, "" if it does not look like a key.
func accountID(key string) string {
	const idLength = 18
	rest, found := strings.CutPrefix(key, keyPrefix)
	if !found || len(rest) <= idLength {
		return ""
	}
	if _, err := hex.DecodeString(rest[:idLength]); err != nil {
		return ""
	}
	return rest[:idLength]
}

// Authenticate implements job.Authenticator.
func (s *Accounts) Authenticate(ctx context.Context, key string) (job.Caller, error) {
	enabled, err := s.Enabled(ctx)
	//guard:keys-required TestMnmlErrors TestAILabErrors TestMaskrErrors TestArtnexErrors TestAetherforgeErrors => err != nil || enabled
	if err != nil || !enabled {
		return job.Caller{}, err
	}
	unknown := fault.New(fault.Unauthorized, "The API key is missing or not valid.")
	id := accountID(key)
	if id == "" {
		return job.Caller{}, unknown
	}
	a, _, err := s.read(ctx, id)
	if errors.Is(err, ErrNoRecord) {
		return job.Caller{}, unknown
	} else if err != nil {
		return job.Caller{}, err
	}
	//guard:key-hash TestAuthentication
	if !a.accepts(hashKey(key), s.now()) {
		return job.Caller{}, unknown
	}
	return caller(a), a.refusal(s.now())
}

// Balance implements job.Authenticator.
func (s *Accounts) Balance(ctx context.Context, id string) (job.Caller, error) {
	if id == "" {
		return job.Caller{}, nil
	}
	a, _, err := s.read(ctx, id)
	if err != nil {
		return job.Caller{}, named(err)
	}
	return caller(a), nil
}

// Enabled implements job.Authenticator.
func (s *Accounts) Enabled(ctx context.Context) (bool, error) {
	if s.configured.Load() {
		return true, nil
	}
	now := s.now()
	if now.UnixMilli() < s.absent.Load() {
		return false, nil
	}
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return false, fmt.Errorf("list accounts: %w", err)
	}
	if len(keys) > 0 {
		s.configured.Store(true)
	} else {
		s.absent.Store(now.Add(absence).UnixMilli())
	}
	return len(keys) > 0, nil
}

func caller(a Account) job.Caller {
	c := job.Caller{ID: a.ID, Name: a.Name, Operator: a.Operator}
	if !a.Unlimited {
		c.Credits, c.Purchases = &a.Credits, a.history()
	}
	return c
}

// Terms are a job's price and the limits of accounts without limits of their own.
type Terms struct {
	// Price in credits.
	Price int64
	// API names the dialect; PerDay is its quota of requests in rolling 24 h, 0 for
	// none.
	API    string
	PerDay int
	// Concurrent limits the unfinished jobs; 0 is unlimited.
	Concurrent int
}

// Hold is a charge that is neither settled nor refunded.
type Hold struct{ Account, Job string }

// Charge takes the price of a job, exactly once for its ID, and counts the request.
// It returns the new balance, nil if unlimited. It fails, without any change, with
// fault.NoCredits, fault.RateLimited (a *RetryAfter) or fault.Disabled.
func (s *Accounts) Charge(ctx context.Context, id, jobID string, terms Terms) (balance *int64, err error) {
	a, err := s.edit(ctx, id, func(a *Account) (bool, error) {
		_, held := a.Holds[jobID]
		//guard:charge-once TestLedgerProperty => held || true, a.charge(jobID, terms, s.now())
		return !held, a.charge(jobID, terms, s.now())
	})
	return caller(a).Credits, err
}

// Settle makes the charge for a job final. It may be repeated.
func (s *Accounts) Settle(ctx context.Context, id, jobID string) error {
	_, err := s.edit(ctx, id, func(a *Account) (bool, error) { return a.settle(jobID, s.now()), nil })
	return err
}

// Refund returns the charge for a job. It may be repeated.
func (s *Accounts) Refund(ctx context.Context, id, jobID string) error {
	_, err := s.edit(ctx, id, func(a *Account) (bool, error) { return a.refund(jobID), nil })
	return err
}

// Reopen undoes Settle for a job of a price, so that it can be refunded. It may be
// repeated.
func (s *Accounts) Reopen(ctx context.Context, id, jobID string, price int64) error {
	_, err := s.edit(ctx, id, func(a *Account) (bool, error) {
		opened := a.hold(jobID, price)
		if opened {
			today := a.today(s.now())
			today.Succeeded, today.Credits = today.Succeeded-1, today.Credits-a.Holds[jobID]
		}
		return opened, nil
	})
	return err
}

// Holds returns the charges of all accounts that are not final yet.
func (s *Accounts) Holds(ctx context.Context) ([]Hold, error) {
	accounts, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	var holds []Hold
	for _, a := range accounts {
		for jobID := range a.Holds {
			holds = append(holds, Hold{Account: a.ID, Job: jobID})
		}
	}
	return holds, nil
}

// all returns all accounts, with the deleted ones, sorted by name.
func (s *Accounts) all(ctx context.Context) ([]Account, error) {
	keys, err := s.store.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	accounts := make([]Account, 0, len(keys))
	for _, key := range keys {
		a, _, err := s.read(ctx, key)
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, a)
	}
	slices.SortFunc(accounts, func(a, b Account) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return accounts, nil
}

func (s *Accounts) read(ctx context.Context, id string) (a Account, revision uint64, err error) {
	value, revision, err := s.store.Get(ctx, id)
	if err != nil {
		return Account{}, 0, fmt.Errorf("read account: %w", err)
	}
	if err := json.Unmarshal(value, &a); err != nil {
		return Account{}, 0, fmt.Errorf("decode account: %w", err)
	}
	return a, revision, nil
}

// edit applies change until no other process wrote in between. change reports
// whether there is anything to write; it may run several times.
func (s *Accounts) edit(ctx context.Context, id string, change func(*Account) (bool, error)) (Account, error) {
	for {
		a, revision, err := s.read(ctx, id)
		if err != nil {
			return Account{}, named(err)
		}
		before, past := a.Credits, a.history()
		write, err := change(&a)
		if err != nil {
			a.Credits = before
			return a, err
		}
		if !write {
			return a, nil
		}
		if a.Credits != before {
			if a.Purchases == nil {
				a.Purchases = &past
			}
			a.Purchases.Changed = s.now().UTC()
		}
		value, err := json.Marshal(a)
		if err != nil {
			return Account{}, fmt.Errorf("encode account: %w", err)
		}
		switch err := s.store.Update(ctx, id, value, revision); {
		//guard:parallel-charges TestParallelChargesAreExact TestCreditsUnderParallelRequests => err == nil || errors.Is(err, ErrConflict)
		case err == nil:
			return a, nil
		case !errors.Is(err, ErrConflict):
			return Account{}, fmt.Errorf("write account: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return Account{}, err
		}
	}
}

func named(err error) error {
	if errors.Is(err, ErrNoRecord) {
		return fault.Wrap(fault.NotFound, err, "There is no such key; `upscaled keys list` shows all.")
	}
	return err
}
