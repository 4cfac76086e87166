// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// Errors of addresses. They do not show them: there may be a secret in them.
var (
	errAddress  = errors.New("it is not an address such as https://app.example.com/api/uploadcare-signature")
	errInsecure = errors.New("http would show the credentials to the network: write https, or insecure_http if it is meant; without it, http is only for hosts on loopback, such as localhost")
)

// ParseAddress returns the URL that text is. It must be one of HTTPS, unless
// its host is on loopback or insecureHTTP is set.
func ParseAddress(text string, insecureHTTP bool) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil || address.Hostname() == "" || address.Opaque != "" {
		return nil, errAddress
	}
	switch {
	case address.Scheme == "https":
	case address.Scheme != "http":
		return nil, errAddress
	case !insecureHTTP && !isLoopback(address.Hostname()):
		return nil, errInsecure
	}
	address.Fragment, address.RawFragment = "", ""
	return address, nil
}

func isLoopback(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.Unmap().IsLoopback()
}

// origin is scheme, host and port, of which the port may be left out if it is
// the scheme's own.
func origin(address *url.URL) string {
	host := strings.ToLower(address.Host)
	switch address.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	}
	return address.Scheme + "://" + strings.TrimSuffix(host, ":")
}
