// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// nullOrigin is what browsers send for pages without an origin of their own: from files,
// in sandboxed frames, after redirects across origins.
const nullOrigin = "null"

// anyLabels is the beginning of a pattern's host, which matches all hosts below a domain.
const anyLabels = "*."

// origins are the configured origins, in the spelling of browsers (RFC 6454, section
// 6.2), so that most requests need one look-up and no parsing.
type origins struct {
	listed   bool // any are configured
	exact    map[string]struct{}
	patterns []originPattern
}

// originPattern matches the origins whose hosts are below a domain. It is compared as text,
// without a regular expression, in which a dot of the domain would match any character.
type originPattern struct {
	before string // "https://"
	after  string // ".example.com:8443"
}

// newOrigins parses the origins of a config. Its error names the one that is invalid, and
// the reason. A duplicate is an error, for it is most likely a typo of another origin.
func newOrigins(list []string) (origins, error) {
	o := origins{listed: len(list) > 0, exact: make(map[string]struct{}, len(list))}
	seen := make(map[string]struct{}, len(list))
	for _, text := range list {
		origin, err := normalizeOrigin(text)
		if err != nil {
			return o, fmt.Errorf("cors: %q is not an origin such as https://www.example.com, https://*.example.com, capacitor://localhost or null: %w", text, err)
		}
		if _, twice := seen[origin]; twice {
			return o, fmt.Errorf("cors: %s is there twice", text)
		}
		seen[origin] = struct{}{}
		if before, after, found := strings.Cut(origin, "://*"); found {
			o.patterns = append(o.patterns, originPattern{before + "://", after})
		} else {
			o.exact[origin] = struct{}{}
		}
	}
	return o, nil
}

// contains reports whether an origin, as a request names it, is among the configured
// ones or matches a pattern.
func (o origins) contains(origin string) bool {
	if _, ok := o.exact[origin]; ok {
		return true
	}
	if origin = spelledByBrowsers(origin); origin == nullOrigin {
		return false // only its exact spelling counts, which was looked up above
	}
	if _, ok := o.exact[origin]; ok {
		return true
	}
	for _, pattern := range o.patterns {
		rest, ok := strings.CutPrefix(origin, pattern.before)
		if !ok {
			continue
		}
		if labels, ok := strings.CutSuffix(rest, pattern.after); ok && areLabels(labels) {
			return true
		}
	}
	return false
}

// spelledByBrowsers returns an origin in lower case and without the default port of its
// scheme, for clients that name an origin and are no browsers.
func spelledByBrowsers(origin string) string {
	origin = strings.ToLower(origin)
	for scheme, port := range defaultPorts {
		if strings.HasPrefix(origin, scheme+"://") {
			origin = strings.TrimSuffix(origin, ":"+port)
		}
	}
	return origin
}

// defaultPorts are those that browsers leave out of an origin (URL standard, "special
// schemes").
var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// areLabels reports whether text is one or more labels of a domain name. Without that
// check, `https://evil.test/.example.com` would match the pattern of example.com.
func areLabels(text string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// normalizeOrigin returns an origin of the config as browsers spell it: one that a
// browser never sends would allow nothing, and the operator would find out from users.
func normalizeOrigin(text string) (string, error) {
	if text == nullOrigin {
		return text, nil
	}
	scheme, rest, found := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	switch {
	case text == "*":
		return "", errors.New("it would admit the pages of every site; name their origins, or leave cors to the upstream")
	case strings.Contains(text, "{"):
		return "", errors.New("placeholders are not replaced here; in a Caddyfile, {$NAME} is, when it is read")
	case strings.HasSuffix(text, ","):
		return "", errors.New("origins stand apart by blanks, and not by commas")
	case !found:
		return "", errors.New("a scheme and :// are missing")
	case !isScheme(scheme):
		return "", fmt.Errorf("%q is not a scheme", scheme)
	case strings.Trim(scheme, "htps") == "" && scheme != "http" && scheme != "https":
		return "", fmt.Errorf("the scheme %s looks like a typo of https", scheme)
	case strings.ContainsAny(rest, "/?#\\"):
		return "", errors.New("an origin has nothing after its host and port")
	case strings.Contains(rest, "@"):
		return "", errors.New("an origin has no user")
	}
	host, port, err := splitPort(rest)
	if err != nil {
		return "", err
	}
	if host, err = normalizeHost(scheme, host); err != nil {
		return "", err
	}
	if port == "" || port == defaultPorts[scheme] {
		return scheme + "://" + host, nil
	}
	return scheme + "://" + host + ":" + port, nil
}

// isScheme reports whether text is a scheme (RFC 3986, section 3.1), in lower case.
func isScheme(text string) bool {
	return text != "" && text[0] >= 'a' && text[0] <= 'z' && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// splitPort splits a host from the port that may follow it. The colons of an IPv6 address
// are within brackets.
func splitPort(authority string) (host, port string, err error) {
	colon := strings.LastIndexByte(authority, ':')
	if colon < 0 || strings.HasSuffix(authority, "]") {
		return authority, "", nil
	}
	number, err := strconv.ParseUint(authority[colon+1:], 10, 16)
	if err != nil || number == 0 {
		return "", "", fmt.Errorf("%q is not a port", authority[colon+1:])
	}
	return authority[:colon], strconv.FormatUint(number, 10), nil
}

// browserNames maps host names as browsers do (UTS 46, with the parameters of the URL
// standard's "domain to ASCII"): `bücher.example` is sent as `xn--bcher-kva.example`.
var browserNames = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false))

// normalizeHost returns a host as browsers spell it, which may begin with [anyLabels].
// Schemes of apps, such as `capacitor`, may have a host that is no name, or none.
func normalizeHost(scheme, host string) (string, error) {
	web := scheme == "http" || scheme == "https"
	if address, found := strings.CutPrefix(host, "["); found {
		ip, err := netip.ParseAddr(strings.TrimSuffix(address, "]"))
		if err != nil || !ip.Is6() || ip.Zone() != "" || !strings.HasSuffix(address, "]") {
			return "", fmt.Errorf("%q is not an address", host)
		}
		return "[" + ip.String() + "]", nil
	}
	name, pattern := strings.CutPrefix(host, anyLabels)
	switch {
	case host == "" && !web: // file://, from old WebViews
		return "", nil
	case name == "":
		return "", errors.New("the host is missing")
	case strings.Contains(name, "*"):
		return "", errors.New("* stands for whole labels at the beginning of a host")
	case !web && !pattern && strings.Trim(name, ".-") == "": // app://.
		return name, nil
	}
	name, err := browserNames.ToASCII(name)
	if err != nil || !areLabels(strings.TrimSuffix(name, ".")) || len(name) > 254 {
		return "", fmt.Errorf("%q is not a host", host)
	}
	if pattern {
		if _, err := netip.ParseAddr(name); err == nil {
			return "", errors.New("an IP address has no subdomains")
		}
		name = anyLabels + name
	}
	return name, nil
}
