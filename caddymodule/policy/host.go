// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// canonicalHost returns a host in the one spelling in which hosts are compared.
func canonicalHost(host string) (string, error) {
	if inner, is6 := strings.CutPrefix(host, "["); is6 {
		return canonicalIPv6(inner)
	}
	name, dotted := strings.CutSuffix(host, ".")
	host, err := asciiHost(name)
	if err != nil {
		return "", err
	}
	// An empty label is dropped by some resolvers, and a sign such as ! ends a host for
	// some parsers and not for others.
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !isLabel(label) {
			return "", errHost
		}
	}
	if len(host) > 253 {
		return "", errHost
	}
	// A host whose last label is a number is an address to browsers (WHATWG URL,
	// "ends in a number"), in octal, hexadecimal or short spellings, too.
	if last := labels[len(labels)-1]; isNumeric(last) {
		address, err := netip.ParseAddr(host)
		if err != nil || dotted || !address.Is4() || address.String() != host {
			return "", errHost
		}
	}
	return host, nil
}

// canonicalIPv6 returns an address in brackets, of which the first was cut.
func canonicalIPv6(inner string) (string, error) {
	// Without its zone, which names an interface of the machine that connects.
	text, closed := strings.CutSuffix(inner, "]")
	address, err := netip.ParseAddr(text)
	// One with an IPv4 address within is that to some servers.
	if !closed || err != nil || !address.Is6() || address.Is4In6() || address.Zone() != "" || strings.Contains(text, ".") {
		return "", errHost
	}
	return "[" + address.String() + "]", nil
}

// asciiHost returns an internationalized name in ASCII. One that is mapped to another
// is refused, as by full-width letters: some parsers map and others do not; and so is
// one in which IDNA 2003 and 2008 differ (UTS 46, section 4), such as in a sharp s.
func asciiHost(host string) (string, error) {
	lowered := strings.ToLower(host)
	switch {
	case isASCII(host) && !strings.Contains(lowered, "xn--"):
		return lowered, nil
	case strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf && unicode.ToLower(r) < utf8.RuneSelf }):
		return "", errHost // the Kelvin sign, which becomes a k
	}
	// Also of names that are in ASCII already: one such as xn--cdn- decodes to cdn, and
	// parsers that decode and encode names read it as that.
	ascii, err := idna.Lookup.ToASCII(lowered)
	if err != nil {
		return "", errHost // and not err, which has the label, however long
	}
	unicodeName, err := idna.Lookup.ToUnicode(ascii)
	if err != nil || lowered != unicodeName && lowered != ascii {
		return "", errHost
	}
	// Python's idna codec and old resolvers are of IDNA 2003.
	if transitional, err := transitional.ToASCII(unicodeName); err != nil || transitional != ascii {
		return "", errHost
	}
	return ascii, nil
}

// transitional is IDNA 2003 as far as UTS 46 keeps it.
var transitional = idna.New(idna.MapForLookup(), idna.Transitional(true), idna.StrictDomainName(true), idna.BidiRule())

// isLabel reports whether text can be a label of a host's name. An underscore is in no
// name of RFC 1123, and in names of storage services.
func isLabel(text string) bool {
	if text == "" || len(text) > 63 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; !isAlphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// isNumeric reports whether a label is a number to a parser of addresses.
func isNumeric(label string) bool {
	if strings.HasPrefix(label, "0x") {
		return true
	}
	return !strings.ContainsFunc(label, func(r rune) bool { return r < '0' || r > '9' })
}
