package file_test

import (
	"net/url"
	"testing"
	"time"

	"upscaled/server/file"
)

// FuzzValid checks that no texts but those that were signed open a result,
// and that none of them does after its time.
func FuzzValid(f *testing.F) {
	now := time.Unix(1_700_000_000, 0)
	s := signer(&now)
	genuine, err := url.Parse(s.URL("http://here", finished("job-1", "")))
	if err != nil {
		f.Fatal(err)
	}
	expires, signature := genuine.Query().Get("expires"), genuine.Query().Get("sig")
	if !s.Valid("job-1", expires, signature) {
		f.Fatal("the genuine link is refused")
	}
	for _, id := range []string{"job-1", "job-1\x00", "job-2", ""} {
		f.Add(id, expires, signature)
		f.Add(id, "9223372036854775807", signature)
		f.Add(id, "+"+expires, signature[:62])
		f.Add(id, "-1", "")
	}
	f.Fuzz(func(t *testing.T, id, until, given string) {
		later := now.Add(file.TTL)
		if (file.Signer{Secrets: s.Secrets, Now: func() time.Time { return later }}).Valid(id, until, given) {
			t.Errorf("%q, %q, %q opens a result after its time", id, until, given)
		}
		if s.Valid(id, until, given) && (id != "job-1" || until != expires) {
			t.Errorf("%q, %q, %q is taken for genuine", id, until, given)
		}
	})
}
