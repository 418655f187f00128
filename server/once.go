package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	"upscaled/server/dialect"
	"upscaled/server/job"
)

// keyedQueue submits the jobs of a request with an idempotency key once.
type keyedQueue struct {
	Queue
	auth job.Authenticator
}

// Submit implements job.Queue.
func (q keyedQueue) Submit(ctx context.Context, spec job.Spec, input []byte) (submitted job.Submitted, err error) {
	if spec.Once, err = dialect.OnceOf(ctx, spec.Account); err != nil {
		return job.Submitted{}, err
	}
	submitted, err = q.Queue.Submit(ctx, spec, input)
	if err == nil && submitted.Repeated {
		caller, err := q.auth.Balance(ctx, spec.Account)
		submitted.Credits = caller.Credits
		return submitted, err
	}
	return submitted, err
}

// keyedFetcher keeps the downloads of a request with an idempotency key, so that
// the request can be repeated when the URL has expired. That is best effort: the
// copies of all callers together take the space of one account's uploads.
type keyedFetcher struct {
	dialect.Fetcher
	uploads job.Uploads
}

// copiesAccount is the owner of the copies, which no client can list.
const copiesAccount = "@once"

// Fetch implements dialect.Fetcher.
func (f keyedFetcher) Fetch(ctx context.Context, url string) ([]byte, error) {
	account, _ := requestInfoOf(ctx).snapshot()
	once, err := dialect.OnceOf(ctx, account)
	if once == nil || err != nil {
		return f.Fetcher.Fetch(ctx, url) // Submit returns the error
	}
	sum := sha256.Sum256([]byte(once.Key + once.Request + url))
	id := hex.EncodeToString(sum[:])
	if data, err := f.uploads.ReadUpload(ctx, id); err == nil {
		return data, nil
	}
	data, err := f.Fetcher.Fetch(ctx, url)
	if err == nil {
		_, _ = f.uploads.PutUpload(ctx, job.Upload{ID: id, API: "once", Account: copiesAccount}, data)
	}
	return data, err
}
