package job

import (
	"context"
	"time"
)

// Caller is an authenticated account.
type Caller struct {
	// ID names the account in records and logs; it is not the key. "" when
	// authentication is off.
	ID   string
	Name string
	// Credits is the balance; nil when unlimited or authentication is off.
	Credits *int64
	// Purchases tell where the credits came from; zero where Credits is nil.
	Purchases Purchases
}

// Purchases are what is kept of the history of an account's credits.
type Purchases struct {
	// Total is all credits that were ever given, less those taken back.
	Total int64 `json:"total"`
	// Balance is what the account had right after the latest purchase.
	Balance int64 `json:"balance"`
	// First is when credits were first given, zero when never; Changed when the
	// balance changed last, whatever changed it.
	First   time.Time `json:"first,omitzero"`
	Changed time.Time `json:"changed,omitzero"`
}

// Authenticator tells who calls. With no keys configured every call passes as the zero
// Caller, whatever key it shows.
type Authenticator interface {
	// Authenticate takes the bare key (no "Bearer "). It fails with
	// fault.Unauthorized for an empty or unknown key, fault.Disabled for a
	// known one that is switched off (the Caller is then filled) and
	// fault.RateLimited. Constant time in the key's contents.
	Authenticate(ctx context.Context, key string) (Caller, error)
	// Balance reads the account's credits now.
	Balance(ctx context.Context, accountID string) (Caller, error)
	// Enabled says whether any key is configured.
	Enabled(ctx context.Context) (bool, error)
}
