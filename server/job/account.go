package job

import (
	"context"
	"time"
)

// Caller is an authenticated account.
type Caller struct {
	// ID names the account in records and logs; it is not the key. It is "" if
	// authentication is off.
	ID   string
	Name string
	// Operator callers see and steer all workers, jobs and keys.
	Operator bool
	// Credits is the balance; nil if unlimited or authentication is off.
	Credits *int64
	// Purchases are the history of the credits; zero if Credits is nil.
	Purchases Purchases
}

// Purchases summarize the history of an account's credits.
type Purchases struct {
	// Total is the sum of all credits ever added, less those taken back.
	Total int64 `json:"total"`
	// Balance is the account's balance right after the latest purchase.
	Balance int64 `json:"balance"`
	// First is when credits were first added, zero if never; Changed is the time
	// of the latest change of the balance, of any kind.
	First   time.Time `json:"first,omitzero"`
	Changed time.Time `json:"changed,omitzero"`
}

// Authenticator identifies callers by their key. If no keys are configured every
// call passes as the zero Caller, with any key.
type Authenticator interface {
	// Authenticate takes the bare key (no "Bearer "). It fails with
	// fault.Unauthorized for an empty or unknown key, with fault.Disabled (and
	// the Caller) for a disabled one, and with fault.RateLimited. Its time does
	// not depend on the key's content.
	Authenticate(ctx context.Context, key string) (Caller, error)
	// Balance returns the account with its present credits.
	Balance(ctx context.Context, accountID string) (Caller, error)
	// Enabled reports whether any key is configured.
	Enabled(ctx context.Context) (bool, error)
}
