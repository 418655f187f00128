package dialect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"upscaled/models/fault"
	"upscaled/server/job"
	"upscaled/server/upload"
)

// KeyHeader is the header by which clients mark requests that they may repeat.
const KeyHeader = "Idempotency-Key"

// longestKey is in bytes.
const longestKey = 255

// Keyed reports whether a request has an idempotency key.
func Keyed(ctx context.Context) bool { return keyedOf(ctx) != nil }

// keyed is a request with an idempotency key.
type keyed struct {
	key, client string
	digest      hash.Hash // of everything that it asks for
}

type keyedKey struct{}

func keyedOf(ctx context.Context) *keyed {
	k, _ := ctx.Value(keyedKey{}).(*keyed)
	return k
}

// Idempotent is a middleware that notes the idempotency key of a request that may
// submit jobs. ReadJSON and ReadForm note its body, and OnceOf returns both.
func Idempotent(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		key := strings.TrimSpace(strings.Join(r.Header.Values(KeyHeader), ","))
		if key != "" && (r.Method == http.MethodPost || r.Method == http.MethodPut) {
			k := &keyed{key, c.RealIP(), sha256.New()}
			k.note(r.Method, r.URL.Path, r.URL.RawQuery)
			c.SetRequest(r.WithContext(context.WithValue(r.Context(), keyedKey{}, k)))
		}
		return next(c)
	}
}

// note adds texts to the digest, each with its length.
func (k *keyed) note(texts ...string) {
	for _, text := range texts {
		_, _ = fmt.Fprintf(k.digest, "%d:%s", len(text), text) // a hash never fails
	}
}

// noteForm adds a form without the parts that differ between repetitions: the boundary
// and the order of the fields.
func (k *keyed) noteForm(f upload.Form) {
	fields, _ := json.Marshal(f.Fields) // texts always marshal, in the order of their names
	k.note(string(fields))
	for _, file := range f.Files {
		k.note(file.Field, file.Name, fmt.Sprint(file.Size))
		_, _ = k.digest.Write(file.Data)
		if file.Disk != nil {
			_, _ = io.Copy(k.digest, io.NewSectionReader(file.Disk, 0, file.Size))
		}
	}
}

// OnceOf returns the identity of a request with an idempotency key, once its
// body was read; nil without a key. Keys of different accounts, or without accounts
// of different client addresses, have nothing to do with each other.
func OnceOf(ctx context.Context, account string) (*job.Once, error) {
	k := keyedOf(ctx)
	if k == nil {
		return nil, nil
	}
	if len(k.key) > longestKey {
		return nil, fault.New(fault.Conflict, "The %s may have at most %d characters.", KeyHeader, longestKey)
	}
	if account == "" { //guard:once-anonymous TestOnceOf
		account = "@" + k.client
	}
	//guard:once-owner TestKeysOfOthers => sha256.Sum256([]byte(k.key))
	sum := sha256.Sum256([]byte(account + "\n" + k.key))
	return &job.Once{Key: hex.EncodeToString(sum[:]), Request: hex.EncodeToString(k.digest.Sum(nil))}, nil
}
