package fetch

import (
	"net/netip"
	"slices"
)

// forbidden lists the non-public ranges of the IANA special-purpose registries
// (RFC 6890 and its updates). All IPv6 forms that embed an IPv4 address are
// included: no public image needs them, and checking the embedded address would
// require every translator's rules.
func forbidden() []string {
	return []string{
		"0.0.0.0/8",     // this network
		"10.0.0.0/8",    // private
		"100.64.0.0/10", // carrier-grade NAT
		"127.0.0.0/8",   // loopback
		//guard:inside-addresses TestForbiddenAddresses
		"169.254.0.0/16",  // link-local, cloud metadata
		"172.16.0.0/12",   // private
		"192.0.0.0/24",    // protocol assignments
		"192.0.2.0/24",    // documentation
		"192.88.99.0/24",  // 6to4 relay anycast
		"192.168.0.0/16",  // private
		"198.18.0.0/15",   // benchmarking
		"198.51.100.0/24", // documentation
		"203.0.113.0/24",  // documentation
		"224.0.0.0/4",     // multicast
		"240.0.0.0/4",     // reserved, broadcast
		"::/96",           // unspecified, loopback, IPv4-compatible
		"::ffff:0:0/96",   // IPv4-mapped
		"::ffff:0:0:0/96", // IPv4-translated (RFC 2765)
		//guard:inside-addresses
		"64:ff9b::/96",   // NAT64
		"64:ff9b:1::/48", // local NAT64
		"100::/64",       // discard only
		"2001::/23",      // protocol assignments: Teredo, ORCHID, benchmarking
		"2001:db8::/32",  // documentation
		"2002::/16",      // 6to4
		"3fff::/20",      // documentation
		"5f00::/16",      // segment routing
		"fc00::/7",       // unique local
		"fe80::/10",      // link-local
		"fec0::/10",      // site-local, deprecated
		"ff00::/8",       // multicast
	}
}

// Public reports whether an address belongs to the public internet. It treats an
// IPv4-mapped IPv6 address as the IPv4 address that the kernel dials.
func Public(address netip.Addr) bool {
	if !address.IsValid() || address.Zone() != "" {
		return false
	}
	//guard:public-addresses TestPublicAddresses
	address = address.Unmap()
	return !slices.ContainsFunc(forbidden(), func(text string) bool { return netip.MustParsePrefix(text).Contains(address) })
}
