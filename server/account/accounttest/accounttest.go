// Package accounttest has an in-memory account.Store and the conformance
// suite that every Store passes.
package accounttest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"upscaled/server/account"
)

// Memory is an account.Store that lives as long as the process.
type Memory struct {
	mutex   sync.Mutex
	records map[string]entry
}

type entry struct {
	value    []byte
	revision uint64
}

// NewMemory makes an empty store.
func NewMemory() *Memory { return &Memory{records: map[string]entry{}} }

// Get implements account.Store.
func (m *Memory) Get(_ context.Context, key string) ([]byte, uint64, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	e, found := m.records[key]
	if !found {
		return nil, 0, account.ErrNoRecord
	}
	return slices.Clone(e.value), e.revision, nil
}

// Create implements account.Store.
func (m *Memory) Create(_ context.Context, key string, value []byte) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if _, found := m.records[key]; found {
		return account.ErrConflict
	}
	m.records[key] = entry{slices.Clone(value), 1}
	return nil
}

// Update implements account.Store.
func (m *Memory) Update(_ context.Context, key string, value []byte, revision uint64) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if e, found := m.records[key]; !found || e.revision != revision {
		return account.ErrConflict
	}
	m.records[key] = entry{slices.Clone(value), revision + 1}
	return nil
}

// Keys implements account.Store.
func (m *Memory) Keys(context.Context) ([]string, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	keys := make([]string, 0, len(m.records))
	for key := range m.records {
		keys = append(keys, key)
	}
	return keys, nil
}

// TestStore checks the contract of account.Store on an empty store.
func TestStore(t *testing.T, store account.Store) {
	ctx := t.Context()
	if _, _, err := store.Get(ctx, "a"); !errors.Is(err, account.ErrNoRecord) {
		t.Fatalf("get of nothing: %v", err)
	}
	if err := store.Update(ctx, "a", []byte("x"), 1); !errors.Is(err, account.ErrConflict) {
		t.Fatalf("update of nothing: %v", err)
	}
	if err := store.Create(ctx, "a", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := store.Create(ctx, "a", []byte("2")); !errors.Is(err, account.ErrConflict) {
		t.Fatalf("second create: %v", err)
	}
	value, revision, err := store.Get(ctx, "a")
	if err != nil || !bytes.Equal(value, []byte("1")) {
		t.Fatalf("get: %q, %v", value, err)
	}
	var wins, losses int
	for range 2 {
		switch err := store.Update(ctx, "a", []byte("3"), revision); {
		case err == nil:
			wins++
		case errors.Is(err, account.ErrConflict):
			losses++
		default:
			t.Fatal(err)
		}
	}
	if wins != 1 || losses != 1 {
		t.Fatalf("one revision was replaced %d times and refused %d times", wins, losses)
	}
	if keys, err := store.Keys(ctx); err != nil || !slices.Equal(keys, []string{"a"}) {
		t.Fatalf("keys: %v, %v", keys, err)
	}
}
