package fetch

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"upscaled/models/fault"
)

// asked keeps the request that would have been sent, and sends none.
type asked struct{ request *http.Request }

func (a *asked) RoundTrip(r *http.Request) (*http.Response, error) {
	a.request = r
	return nil, errors.New("not sent")
}

// FuzzFetch fetches URLs of strangers: every request is https, without a
// password, of the host that is allowed; everything else is rejected in words
// that repeat nothing of it.
func FuzzFetch(f *testing.F) {
	for _, seed := range []string{
		"https://pictures.example/a.png", " https://PICTURES.example./%2e%2e/?a=b#c", "https://user:secret@pictures.example/",
		"https://pictures.example@127.0.0.1/", "https://pictures.example\\@127.0.0.1/", "https:pictures.example", "http://pictures.example/",
		"https://[::ffff:127.0.0.1]/", "https://127.1/", "https://0x7f000001/", "https://pictures.example:99999/", "https://pictures.example\r\nHost: x/", "file:///etc/passwd",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, url string) {
		fetcher, sent := New(Options{AllowedHosts: []string{"pictures.example"}}), &asked{}
		defer fetcher.Close()
		fetcher.client.Transport = sent
		_, err := fetcher.Fetch(t.Context(), url)
		if kind := fault.KindOf(err); kind != fault.Invalid && kind != fault.FetchFailed {
			t.Fatalf("%q: %s, %v", url, kind, err)
		}
		if len(url) > 8 && strings.Contains(fault.Sentence(err), url) {
			t.Fatalf("%q is repeated: %s", url, fault.Sentence(err))
		}
		r := sent.request
		if r == nil {
			return
		}
		host := strings.TrimSuffix(strings.ToLower(r.URL.Hostname()), ".")
		if r.URL.Scheme != "https" || r.URL.User != nil || host != "pictures.example" || r.Method != http.MethodGet || r.Header.Get("Authorization") != "" {
			t.Fatalf("%q asks for %s with %v", url, r.URL, r.Header)
		}
	})
}
