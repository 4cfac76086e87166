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

// nullOrigin is what browsers send for pages without an origin of their own: from
// files, in sandboxed frames, after redirects.
const nullOrigin = "null"

// anyLabels begins the host of a pattern that every host below a domain matches.
const anyLabels = "*."

// origins are the origins that are configured, in the spelling of browsers
// (RFC 6454, section 6.2).
type origins struct {
	listed   bool // there are any
	exact    map[string]struct{}
	patterns []originPattern
}

// originPattern matches the origins whose hosts are below a domain.
type originPattern struct {
	before string // "https://"
	after  string // ".example.com:8443"
}

// newOrigins reads the origins of a config. Its error says which is none, and why.
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

// contains reports whether pages of an origin, as a browser names it, are meant.
func (o origins) contains(origin string) bool {
	if _, ok := o.exact[origin]; ok {
		return true
	}
	if origin = spelledByBrowsers(origin); origin == nullOrigin {
		return false // but in its own spelling
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

// spelledByBrowsers returns an origin in lower case and without the default port of
// its scheme: not every client that names one is a browser.
func spelledByBrowsers(origin string) string {
	origin = strings.ToLower(origin)
	for scheme, port := range defaultPorts {
		if strings.HasPrefix(origin, scheme+"://") {
			origin = strings.TrimSuffix(origin, ":"+port)
		}
	}
	return origin
}

// defaultPorts are those that browsers leave out.
var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// areLabels reports whether text is one or more labels of a domain name. A host of
// another kind could bring its own end.
func areLabels(text string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// normalizeOrigin returns an origin as browsers spell it.
func normalizeOrigin(text string) (string, error) {
	if text == nullOrigin {
		return text, nil
	}
	scheme, rest, found := strings.Cut(text, "://")
	scheme = strings.ToLower(scheme)
	switch {
	case !found:
		return "", errors.New("a scheme and :// are missing")
	case !isScheme(scheme):
		return "", fmt.Errorf("%q is not a scheme", scheme)
	case strings.Trim(scheme, "htps") == "" && scheme != "http" && scheme != "https":
		return "", fmt.Errorf("the scheme %s looks like a typo of https", scheme)
	case strings.ContainsAny(rest, "/?#\\"):
		return "", errors.New("an origin ends with its host and port")
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

// splitPort splits a host from the port that may follow it.
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

// browserNames maps names as browsers do (UTS 46, which the URL standard refers to).
var browserNames = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false))

// normalizeHost returns a host as browsers spell it, which may begin with [anyLabels].
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
			return "", errors.New("there is nothing below an address")
		}
		name = anyLabels + name
	}
	return name, nil
}
