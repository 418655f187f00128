// Package account keeps API keys, credits and quotas. Every account is one
// record that changes only by compare-and-swap, so that balances stay exact
// with many processes on one store and whatever crashes in between.
package account

import (
	"context"
	"errors"
)

// ErrConflict is a Store's answer to a write that lost a race; ErrNoRecord to
// a read of an unknown key.
var (
	ErrConflict = errors.New("the record has changed meanwhile")
	ErrNoRecord = errors.New("no such record")
)

// Store is a small key-value store with compare-and-swap. All methods may be
// called concurrently and from several processes; a write that returns nil
// survives a crash. package accounttest holds its conformance suite.
type Store interface {
	// Get reads a value and its revision; ErrNoRecord when there is none.
	Get(ctx context.Context, key string) (value []byte, revision uint64, err error)
	// Create writes a value that is not there yet, else ErrConflict.
	Create(ctx context.Context, key string, value []byte) error
	// Update replaces the value of exactly that revision, else ErrConflict.
	Update(ctx context.Context, key string, value []byte, revision uint64) error
	// Keys lists all keys in any order.
	Keys(ctx context.Context) ([]string, error)
}
