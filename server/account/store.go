// Package account stores API keys, credits and quotas. Every account is a record
// that changes by compare-and-swap only, so balances stay exact with many processes
// on one store, and through crashes.
package account

import (
	"context"
	"errors"
)

// A Store returns ErrConflict for a write that lost a race, and ErrNoRecord for an
// unknown key.
var (
	ErrConflict = errors.New("the record has changed meanwhile")
	ErrNoRecord = errors.New("no such record")
)

// Store is a small key-value store with compare-and-swap. All methods may be
// called concurrently and from several processes; a write that returns nil
// survives a crash. Package accounttest has the conformance suite.
type Store interface {
	// Get returns a value and its revision, or ErrNoRecord.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Create writes a new value, or returns ErrConflict if the key exists.
	Create(ctx context.Context, key string, value []byte) error
	// Update replaces the value of exactly this revision, or returns ErrConflict.
	Update(ctx context.Context, key string, value []byte, revision uint64) error
	// Keys returns all keys in any order.
	Keys(ctx context.Context) ([]string, error)
}
