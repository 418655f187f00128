package webhook

import (
	"net/netip"
	"net/url"
	"strings"

	"upscaled/models/fault"
	"upscaled/server/fetch"
)

// longestURL is in bytes.
const longestURL = 2048

// Check validates a webhook URL at submission; it fails with fault.Invalid and a
// sentence for the client. The addresses that its host resolves to are checked
// when it is called.
func Check(rules fetch.Options, raw string) error {
	if len(raw) > longestURL {
		return fault.New(fault.Invalid, "The webhook URL is longer than %d bytes.", longestURL)
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return fault.New(fault.Invalid, "The webhook URL is not a valid URL.")
	case u.Scheme != "https" && !rules.AllowHTTP:
		return fault.New(fault.Invalid, "The webhook URL must start with https://.")
	case u.Scheme != "https" && u.Scheme != "http":
		return fault.New(fault.Invalid, "The webhook URL must start with https:// or http://.")
	case u.Opaque != "" || u.Hostname() == "":
		return fault.New(fault.Invalid, "The webhook URL has no host.")
	case u.User != nil:
		return fault.New(fault.Invalid, "The webhook URL must not hold a user name or password.")
	}
	return checkHost(rules, strings.TrimSuffix(strings.ToLower(u.Hostname()), "."))
}

func checkHost(rules fetch.Options, host string) error {
	if !rules.AllowsHost(host) {
		return fault.New(fault.Invalid, "Webhooks of this host are not called.")
	}
	address, err := netip.ParseAddr(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		address, err = netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	//guard:webhook-name TestCheck FuzzCheck
	//guard:webhook-address TestForbiddenAddresses
	if err == nil && !rules.Allows(address) {
		return fault.New(fault.Invalid, "The webhook URL must name a public host.")
	}
	return nil
}
