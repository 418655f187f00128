package queue

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/server/account"
)

// Accounts returns the store of accounts.
func (c *Connection) Accounts(ctx context.Context) (account.Store, error) {
	bucket, err := c.bucket(ctx, accountsBucket, 0)
	if err != nil {
		return nil, err
	}
	return accounts{bucket}, nil
}

// accounts implements account.Store.
type accounts struct{ bucket jetstream.KeyValue }

func (a accounts) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	entry, err := a.bucket.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return nil, 0, account.ErrNoRecord
	} else if err != nil {
		return nil, 0, busyInOutage(ctx, fmt.Errorf("get %s: %w", key, err))
	}
	return entry.Value(), entry.Revision(), nil
}

func (a accounts) Create(ctx context.Context, key string, value []byte) error {
	if _, err := a.bucket.Create(ctx, key, value); errors.Is(err, jetstream.ErrKeyExists) {
		return account.ErrConflict
	} else if err != nil {
		return fmt.Errorf("create %s: %w", key, err)
	}
	return nil
}

func (a accounts) Update(ctx context.Context, key string, value []byte, revision uint64) error {
	if _, err := a.bucket.Update(ctx, key, value, revision); isConflict(err) {
		return account.ErrConflict
	} else if err != nil {
		return fmt.Errorf("update %s: %w", key, err)
	}
	return nil
}

func (a accounts) Keys(ctx context.Context) ([]string, error) {
	keys, err := a.bucket.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	} else if err != nil {
		return nil, busyInOutage(ctx, fmt.Errorf("list keys: %w", err))
	}
	return keys, nil
}

// isConflict reports whether a compare-and-swap was lost, on one node or several.
func isConflict(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) || errors.As(err, &refused) &&
		(refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence ||
			refused.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant)
}

// Secret returns a named secret of 32 random bytes that all processes on this
// store share; the first caller creates it.
func (c *Connection) Secret(ctx context.Context, name string) ([]byte, error) {
	bucket, err := c.bucket(ctx, secretsBucket, 0)
	if err != nil {
		return nil, err
	}
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails, see crypto/rand
	if _, err = bucket.Create(ctx, name, secret); err == nil {
		return secret, nil
	} else if !errors.Is(err, jetstream.ErrKeyExists) {
		return nil, fmt.Errorf("create secret %s: %w", name, err)
	}
	entry, err := bucket.Get(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read secret %s: %w", name, err)
	}
	return entry.Value(), nil
}
