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

// canonicalIPv6 returns an address in brackets. inner is the address behind the first one.
func canonicalIPv6(inner string) (string, error) {
	// An address with a zone is refused: the zone names an interface of the service's machine.
	text, closed := strings.CutSuffix(inner, "]")
	address, err := netip.ParseAddr(text)
	// So is one that embeds an IPv4 address, which some servers connect to instead.
	if !closed || err != nil || !address.Is6() || address.Is4In6() || address.Zone() != "" || strings.Contains(text, ".") {
		return "", errHost
	}
	return "[" + address.String() + "]", nil
}

// asciiHost returns an internationalized name in ASCII. A name that
// IDNA maps to another, as one with full-width letters, is refused: not all parsers map it. So
// is one that IDNA 2003 and 2008 read differently (UTS 46, section 4), as one with a sharp s.
func asciiHost(host string) (string, error) {
	lowered := strings.ToLower(host)
	switch {
	case isASCII(host) && !strings.Contains(lowered, "xn--"):
		return lowered, nil
	case strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf && unicode.ToLower(r) < utf8.RuneSelf }):
		return "", errHost // the Kelvin sign, which becomes a k
	}
	// Names in ASCII are checked too: xn--cdn- decodes to cdn, and parsers that decode and
	// encode names read it as that.
	ascii, err := idna.Lookup.ToASCII(lowered)
	if err != nil {
		return "", errHost // err quotes the label, however long
	}
	unicodeName, err := idna.Lookup.ToUnicode(ascii)
	if err != nil || lowered != unicodeName && lowered != ascii {
		return "", errHost
	}
	// Python's idna codec and old resolvers follow IDNA 2003.
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
