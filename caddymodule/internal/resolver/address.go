// SPDX-License-Identifier: Apache-2.0

package resolver

import (
	"errors"
	"net/url"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/loopback"
)

// Errors of addresses. They do not quote the address: it may have a password or a
// key in it, and load errors are logged.
var (
	errAddress  = errors.New("it is not an address such as https://app.example.com/api/uploadcare-signature")
	errInsecure = errors.New("http would show the credentials to the network: write https, or insecure_http if it is meant; without it, http is only for hosts on loopback, such as localhost")
)

// ParseAddress parses the address of an endpoint. It must be an https URL, unless
// its host is on loopback or insecureHTTP is set: a credential in a response over
// plain HTTP can be read by everything on the way. A fragment is dropped.
func ParseAddress(text string, insecureHTTP bool) (*url.URL, error) {
	address, err := url.Parse(text)
	if err != nil || address.Hostname() == "" || address.Opaque != "" {
		return nil, errAddress
	}
	switch {
	case address.Scheme == "https":
	case address.Scheme != "http":
		return nil, errAddress
	case !insecureHTTP && !loopback.IsHost(address.Hostname()):
		return nil, errInsecure
	}
	address.Fragment, address.RawFragment = "", ""
	return address, nil
}

// origin returns scheme, host and port in a form to compare and to show. The
// scheme's default port is left out (RFC 6454, section 6.2), and so are user, path
// and query, which may be secret.
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
