package queue

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"upscaled/models/fault"
	"upscaled/server/account"
)

// Accounts returns the store of accounts.
func (c *Connection) Accounts(ctx context.Context) (account.Store, error) {
	bucket, err := c.bucket(ctx, accountsBucket, 0)
	if err != nil {
		return nil, err
	}
	a := accounts{bucket: bucket, connection: c}
	if c.dir != "" {
		return a, nil // see historian
	}
	if a.witness, err = c.bucket(ctx, secretsBucket, 0); err != nil {
		return nil, err
	}
	return a, a.checkExtent(ctx)
}

// accounts implements account.Store.
type accounts struct {
	bucket     jetstream.KeyValue
	connection *Connection
	// witness holds the extent of the bucket on an external server, else it is nil.
	witness jetstream.KeyValue
}

// extent says how far the bucket of accounts went. It only grows: deleted accounts
// leave a mark.
type extent struct {
	Messages uint64 `json:"messages"`
	Last     uint64 `json:"last"`
}

// The key of the extent, and how many changes it may be behind.
const (
	extentKey  = "accounts-extent"
	extentStep = 64
)

// checkExtent fails if accounts or changes of them are lost: without any, every call
// would be accepted.
func (a accounts) checkExtent(ctx context.Context) error {
	var before extent
	entry, err := a.witness.Get(ctx, extentKey)
	if err == nil {
		err = json.Unmarshal(entry.Value(), &before)
	}
	if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
		return a.failed(ctx, "read extent of accounts", err)
	}
	now, err := a.extent(ctx)
	if err != nil {
		return err
	}
	//guard:lost-accounts TestLostAccounts => false
	if now.Messages < before.Messages || now.Last < before.Last {
		return fault.New(fault.Invalid, "The NATS stream KV_%s, which holds the API keys, has lost some (it has %d records up to number %d; it had %d up to %d): restore it from a backup, or delete the key %s of the bucket %s to go on with what is left; without keys every call is accepted.",
			accountsBucket, now.Messages, now.Last, before.Messages, before.Last, extentKey, secretsBucket)
	}
	return a.recordExtent(ctx)
}

func (a accounts) extent(ctx context.Context) (extent, error) {
	stream, err := a.connection.js.Stream(ctx, "KV_"+accountsBucket)
	if err != nil {
		return extent{}, a.failed(ctx, "read extent of accounts", err)
	}
	state := stream.CachedInfo().State
	return extent{state.Msgs, state.LastSeq}, nil
}

func (a accounts) recordExtent(ctx context.Context) error {
	e, err := a.extent(ctx)
	if err != nil || e.Messages == 0 {
		return err
	}
	value, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encode extent of accounts: %w", err)
	}
	if _, err := a.witness.Put(ctx, extentKey, value); err != nil {
		return a.failed(ctx, "record extent of accounts", err)
	}
	return nil
}

// wrote records a change, so that its loss is noticed. created is true for a new
// account.
func (a accounts) wrote(ctx context.Context, revision uint64, created bool) error {
	a.connection.wrote(accountsBucket, revision)
	if a.witness == nil || !created && revision%extentStep != 0 {
		return nil
	}
	return a.recordExtent(ctx)
}

func (a accounts) failed(ctx context.Context, operation string, err error) error {
	if full := a.connection.writes.err(); full != nil {
		return full
	}
	return busyInOutage(ctx, fmt.Errorf("%s: %w", operation, err))
}

func (a accounts) Get(ctx context.Context, key string) ([]byte, uint64, error) {
	entry, err := a.bucket.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return nil, 0, account.ErrNoRecord
	} else if err != nil {
		return nil, 0, a.failed(ctx, "get "+key, err)
	}
	return entry.Value(), entry.Revision(), nil
}

func (a accounts) Create(ctx context.Context, key string, value []byte) error {
	revision, err := a.bucket.Create(ctx, key, value)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return account.ErrConflict
	} else if err != nil {
		return a.failed(ctx, "create "+key, err)
	}
	return a.wrote(ctx, revision, true)
}

func (a accounts) Update(ctx context.Context, key string, value []byte, revision uint64) error {
	revision, err := a.bucket.Update(ctx, key, value, revision)
	if isConflict(err) {
		return account.ErrConflict
	} else if err != nil {
		return a.failed(ctx, "update "+key, err)
	}
	return a.wrote(ctx, revision, false)
}

func (a accounts) Keys(ctx context.Context) ([]string, error) {
	keys, err := a.bucket.Keys(ctx)
	if errors.Is(err, jetstream.ErrNoKeysFound) {
		return nil, nil
	} else if err != nil {
		return nil, a.failed(ctx, "list keys", err)
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
		return nil, busyInOutage(ctx, fmt.Errorf("create secret %s: %w", name, err))
	}
	entry, err := bucket.Get(ctx, name)
	if err != nil {
		return nil, busyInOutage(ctx, fmt.Errorf("read secret %s: %w", name, err))
	}
	return entry.Value(), nil
}
