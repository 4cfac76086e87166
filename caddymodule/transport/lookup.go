// SPDX-License-Identifier: Apache-2.0

package transport

import (
	"errors"
	"regexp"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// failedLookup matches what [net.DNSError] says, with the name and the server.
var failedLookup = regexp.MustCompile(`\blookup (\S+)(?: on \S+)?: `)

// namingResolvers returns an error of a dial that names the configured resolvers, if the
// upstream's name was looked up through them: Go names the server of resolv.conf, which was
// not asked. Caddy's DialError holds a text alone, for it does not unwrap.
func (t *Transport) namingResolvers(err error) error {
	if _, ok := errors.AsType[reverseproxy.DialError](err); !ok || t.Resolver == nil {
		return err
	}
	text := err.Error()
	parts := failedLookup.FindStringSubmatchIndex(text)
	if parts == nil {
		return err
	}
	name := text[parts[2]:parts[3]]
	return reverseproxy.NewDialError(errors.New(text[:parts[0]] + "lookup " + name + " on " + strings.Join(t.Resolver.Addresses, " or ") + ": " + text[parts[1]:]))
}
