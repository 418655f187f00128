package webhook_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"upscaled/models/fault"
	"upscaled/server/fetch"
	"upscaled/server/webhook"
)

// The example of the Standard Webhooks specification and its libraries.
func TestSignatureOfTheSpecification(t *testing.T) {
	t.Parallel()
	const text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	if got := webhook.SecretText(secret); got != text {
		t.Errorf("secret %s", got)
	}
	got := webhook.Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	public := fetch.Options{}
	plain := fetch.Options{AllowHTTP: true}
	inside := fetch.Options{AllowedRanges: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.1.0.0/16")}}
	few := fetch.Options{AllowedHosts: []string{"hooks.example.com"}}
	for _, c := range []struct {
		rules fetch.Options
		urls  []string
		good  bool
	}{
		{public, []string{"https://example.com", "https://example.com:8443/a?b=c#d", "https://8.8.8.8/", "https://[2606:4700::1]/x", "HTTPS://EXAMPLE.com./"}, true},
		{public, []string{
			"", "http://example.com/", "ftp://example.com/", "https://", "https:///x", "https:example.com", "//example.com", "example.com", "://",
			"https://user@example.com/", "https://user:pw@example.com/", "https://127.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/latest",
			"https://[::1]/", "https://[::ffff:127.0.0.1]/", "https://[fe80::1%25eth0]/", "https://localhost/", "https://LOCALHOST.:8080/", "https://a.localhost/",
			"https://example.com/\r\nX: y", "https://exa mple.com/", "https://example.com/" + strings.Repeat("x", 2048), "javascript:alert(1)",
		}, false},
		{plain, []string{"http://example.com/", "https://example.com/"}, true},
		{plain, []string{"ftp://example.com/", "http://127.0.0.1/", "ws://example.com/"}, false},
		{inside, []string{"https://127.0.0.1:9/", "https://localhost/", "https://10.1.2.3/"}, true},
		{inside, []string{"https://10.2.0.1/", "https://[::1]/"}, false},
		{few, []string{"https://hooks.example.com/x", "https://HOOKS.example.com./x"}, true},
		{few, []string{"https://example.com/", "https://hooks.example.com.evil.example/"}, false},
	} {
		for _, u := range c.urls {
			if err := webhook.Check(c.rules, u); (err == nil) != c.good || err != nil && fault.KindOf(err) != fault.Invalid {
				t.Errorf("%.60q: %v", u, err)
			}
		}
	}
}

// No form of an inside address is reached, whatever Check thinks of it.
func TestForbiddenAddresses(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("reached by %s", r.Host) }))
	t.Cleanup(server.Close)
	port := netip.MustParseAddrPort(server.Listener.Addr().String()).Port()
	d := newDesk()
	var log lines
	start(t, d, fetch.Options{AllowHTTP: true}, &log, nil)
	for _, host := range []string{"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::ffff:127.0.0.1]", "[::1]", "localhost.localdomain"} {
		e := d.send(t, finished(fmt.Sprintf("http://%s:%d/", host, port)), 1)
		if strings.Contains(log.String(), "delivered") {
			t.Errorf("%s: %+v\n%s", host, e, &log)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("https://example.com/x")
	f.Add("https://[::1]/")
	f.Add("http://a.localhost")
	f.Fuzz(func(t *testing.T, raw string) {
		if webhook.Check(fetch.Options{}, raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
			t.Fatalf("accepted %q", raw)
		}
		if address, err := netip.ParseAddr(u.Hostname()); err == nil && !fetch.Public(address) {
			t.Fatalf("accepted %q", raw)
		}
		if _, err := http.NewRequest(http.MethodPost, raw, io.NopCloser(strings.NewReader(""))); err != nil {
			t.Fatalf("%q cannot be called: %v", raw, err)
		}
	})
}

// Accounts' secrets are all different, and none is the server's.
func TestSecretOf(t *testing.T) {
	t.Parallel()
	seen := map[string]string{"a secret of the server": "the server"}
	for _, account := range []string{"", "me", "you", "account me"} {
		secret := string(webhook.SecretOf([]byte("a secret of the server"), account))
		if other, known := seen[secret]; known || len(secret) != 32 {
			t.Errorf("%q has the secret of %q, %d bytes", account, other, len(secret))
		}
		seen[secret] = account
	}
}
