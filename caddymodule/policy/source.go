// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
)

// source is an address from which /from_url/ is asked to fetch.
type source struct {
	host     string // in ASCII and lower case, without a trailing dot
	port     string
	standard bool   // the port is the scheme's
	foreign  bool   // the host was written beyond ASCII: in another charset, it is another
	path     string // escaped, with its slash; or empty
}

// authority returns the host, and the port if it is not the scheme's.
func (s source) authority() string {
	if s.standard {
		return s.host
	}
	return s.host + ":" + s.port
}

// Reasons to refuse an address that some parser of URLs could read with another host
// than the rest. The service's parser is not known.
var (
	errNotUTF8   = errors.New("it is not UTF-8")
	errSign      = errors.New("it has a control character, a backslash, or a blank in its host")
	errScheme    = errors.New("it does not begin with http:// or https://")
	errAuthority = errors.New("it has user information, or an escape in its host")
	errNoPath    = errors.New("behind its host stands no path, but an at sign, or a fragment with a dot")
	errHost      = errors.New("its host is not a name or an address in its usual spelling")
	errForeign   = errors.New("its host is beyond ASCII, in a request that names a charset other than UTF-8")
	errPort      = errors.New("its port is not a number from 1 to 65535")
)

// parseSource parses an address. It accepts less than [url.Parse] does: only what every
// parser reads alike, as far as the host goes.
func parseSource(address string) (source, error) {
	scheme, authority, rest, err := splitAddress(address)
	if err != nil {
		return source{}, err
	}
	// Of the authority alone: a path may have what Go refuses and others take, such as a
	// percent sign of its own, and says nothing of the host.
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
	// A fragment comes first: a question mark in it begins no query.
	path, _, _ := strings.Cut(rest, "#")
	path, _, _ = strings.Cut(path, "?")
	return source{host, port, port == defaultPorts[scheme], !isASCII(name), path}, nil
}

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// splitAddress splits an address behind its authority, if nothing in it is doubtful.
func splitAddress(address string) (scheme, authority, rest string, err error) {
	if !utf8.ValidString(address) {
		return "", "", "", errNotUTF8
	}
	// Parsers trim blanks, or refuse them.
	address = strings.Trim(address, " ")
	// Browsers' parsers drop tabs and line ends, and take \ for a slash.
	if strings.ContainsFunc(address, func(r rune) bool { return r == '\\' || unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }) {
		return "", "", "", errSign
	}
	// Two slashes: browsers take https:host and https:///host for https://host, and
	// others for a path or for no host.
	scheme, authority, found := strings.Cut(address, "://")
	scheme = asciiLower(scheme)
	if _, known := defaultPorts[scheme]; !found || !known {
		return "", "", "", errScheme
	}
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority, rest = authority[:end], authority[end:]
	}
	// Behind the host a blank is as common as it is harmless, in names of files.
	if strings.ContainsFunc(authority, unicode.IsSpace) {
		return "", "", "", errSign
	}
	// Parsers disagree on which of several at signs ends the user information, and on
	// whether an escape is decoded before or after the host is cut out.
	if strings.ContainsAny(authority, "@%") {
		return "", "", "", errAuthority
	}
	if hidesHost(rest) {
		return "", "", "", errNoPath
	}
	return scheme, authority, rest, nil
}

// hidesHost reports whether a parser that ends a host at no # or ? could read another in what
// stands behind it. To curl before 7.51 (CVE-2016-8624) and urllib of Python before 3.6.2
// (bpo-30500), https://cdn.example.org#@evil.test/ has user information.
func hidesHost(rest string) bool {
	before, _, _ := strings.Cut(rest, "/")
	before = form.Unescape(before) // as urllib did with hosts
	return strings.Contains(before, "@") || strings.HasPrefix(before, "#") && strings.ContainsAny(before, ".。．｡")
}

// splitPort splits an authority at the colon before its port.
func splitPort(authority string) (host, port string, err error) {
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 || strings.HasSuffix(authority, "]") {
		return authority, "", nil
	}
	// The last colon: a host with one of its own is no host, which canonicalHost finds.
	host, port = authority[:colon], authority[colon+1:]
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 || strconv.FormatUint(number, 10) != port { // 080 is octal to some
		return "", "", errPort
	}
	return host, port, nil
}
