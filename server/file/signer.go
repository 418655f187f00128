// Package file serves results under signed URLs: whoever has the URL can read
// the image until it expires, without a key.
package file

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"time"

	"upscaled/server/job"
)

// TTL is how long a result is kept after its job has finished.
const TTL = 24 * time.Hour

// Signer makes and checks result URLs. It may be used concurrently.
type Signer struct {
	// The first of Secrets signs and all verify, so that a secret can be replaced
	// while old URLs are valid. Each has at least 32 random bytes.
	Secrets [][]byte
	// Now is the clock.
	Now func() time.Time
}

// URL returns the signed URL of a succeeded job's result below a base such as
// "https://example.com". It is the same every time, so a client that polls twice
// sees one URL.
func (s Signer) URL(base string, j job.Job) string {
	expires := strconv.FormatInt(j.Finished.Add(TTL).Unix(), 10)
	query := url.Values{"expires": {expires}, "sig": {sign(s.Secrets[0], j.ID, expires)}}
	return base + "/v1/files/" + url.PathEscape(j.ID) + "?" + query.Encode()
}

// Valid reports whether a signature belongs to the job ID and has not expired.
// It takes the same time for every wrong signature.
func (s Signer) Valid(id, expires, signature string) bool {
	given, err := hex.DecodeString(signature)
	if err != nil {
		return false
	}
	genuine := false
	for _, secret := range s.Secrets {
		want, _ := hex.DecodeString(sign(secret, id, expires)) // our own hex
		//guard:signature TestForgeriesAreRefused FuzzValid => true
		genuine = hmac.Equal(given, want) || genuine
	}
	until, err := strconv.ParseInt(expires, 10, 64)
	//guard:link-expiry TestSignaturesExpireAndRotate => genuine && err == nil && until > 0
	return genuine && err == nil && s.Now().Unix() < until
}

// sign separates the fields by a byte that neither can contain, so that no other
// pair has the same signature.
func sign(secret []byte, id, expires string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("result\x00" + id + "\x00" + expires))
	return hex.EncodeToString(mac.Sum(nil))
}
