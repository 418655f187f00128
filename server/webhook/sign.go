package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// SecretText returns the secret as receivers configure it: "whsec_" and base64.
func SecretText(secret []byte) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(secret)
}

// SecretOf returns an account's own secret, which does not reveal the server's or
// another account's.
func SecretOf(secret []byte, account string) []byte {
	mac := hmac.New(sha256.New, secret)
	_, _ = mac.Write([]byte("account " + account))
	return mac.Sum(nil)
}

// Sign returns a webhook-signature header: HMAC-SHA256 over ID, time in seconds
// since 1970 and body, joined by dots.
func Sign(secret []byte, id string, at int64, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	_, _ = fmt.Fprintf(mac, "%s.%d.", id, at) // a hash never fails
	_, _ = mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
