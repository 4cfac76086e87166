// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// source is an address from which /from_url/ is asked to fetch.
type source struct {
	host     string // in ASCII and lower case, without a trailing dot
	port     string
	standard bool   // the port is the scheme's
	path     string // escaped, with its slash; or empty
}

// Reasons to refuse an address that some parser of URLs could read with another host
// than the rest. The service's parser is not known.
var (
	errNotUTF8   = errors.New("it is not UTF-8")
	errSign      = errors.New("it has a blank, a control character or a backslash, which must be escaped")
	errScheme    = errors.New("it does not begin with http:// or https://")
	errAuthority = errors.New("it has user information, or an escape in its host")
	errHost      = errors.New("its host is not a name or an address in its usual spelling")
	errPort      = errors.New("its port is not a number from 1 to 65535")
)

// parseSource parses an address. It accepts less than [url.Parse] does: only what every
// parser reads alike, as far as the host goes.
func parseSource(address string) (source, error) {
	scheme, authority, rest, err := splitAddress(address)
	if err != nil {
		return source{}, err
	}
	parsed, err := url.Parse(scheme + "://" + authority)
	switch {
	case err != nil:
		return source{}, errHost
	case parsed.Host != authority: // or the two were parsed differently
		return source{}, errAuthority
	}
	name, port, err := splitPort(authority)
	if err != nil {
		return source{}, err
	}
	if port == "" {
		port = defaultPorts[scheme]
	}
	host, err := canonicalHost(name)
	if err != nil {
		return source{}, err
	}
	path, _, _ := strings.Cut(rest, "#")
	path, _, _ = strings.Cut(path, "?")
	return source{host, port, port == defaultPorts[scheme], path}, nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// splitAddress splits an address behind its authority, if nothing in it is doubtful.
func splitAddress(address string) (scheme, authority, rest string, err error) {
	if !utf8.ValidString(address) {
		return "", "", "", errNotUTF8
	}
	// Browsers' parsers drop tabs and line ends, trim blanks, and take \ for a slash.
	if strings.ContainsFunc(address, func(r rune) bool { return r == '\\' || unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "", "", "", errSign
	}
	scheme, authority, found := strings.Cut(address, "://")
	scheme = asciiLower(scheme)
	if _, known := defaultPorts[scheme]; !found || !known {
		return "", "", "", errScheme
	}
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority, rest = authority[:end], authority[end:]
	}
	if strings.ContainsAny(authority, "@%") {
		return "", "", "", errAuthority
	}
	return scheme, authority, rest, nil
}

// splitPort splits an authority at the colon before its port.
func splitPort(authority string) (host, port string, err error) {
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 || strings.HasSuffix(authority, "]") {
		return authority, "", nil
	}
	host, port = authority[:colon], authority[colon+1:]
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 || strconv.FormatUint(number, 10) != port { // 080 is octal to some
		return "", "", errPort
	}
	return host, port, nil
}

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
	ascii, err := idna.Lookup.ToASCII(lowered)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errHost, err)
	}
	unicodeName, err := idna.Lookup.ToUnicode(ascii)
	if err != nil || lowered != unicodeName && lowered != ascii {
		return "", errHost
	}
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
