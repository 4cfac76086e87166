// SPDX-License-Identifier: Apache-2.0

package source

import (
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
)

// resolverOptions lists a resolver's options for load errors.
const resolverOptions = "header, timeout, retries, insecure_http or transport"

// UnmarshalCaddyfile sets up the source from Caddyfile tokens. Syntax:
//
//	resolver <url> {
//		header        <name> <value>
//		timeout       <duration>
//		retries       <count>
//		insecure_http
//		transport {
//			<options of the transport http of reverse_proxy>
//		}
//	}
//
// A header may be repeated.
func (r *Resolver) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume source name
	if !d.AllArgs(&r.URL) || r.URL == "" {
		return d.Errf("resolver takes one argument, the address that is asked")
	}
	for d.NextBlock(0) {
		if err := r.unmarshalOption(d); err != nil {
			return err
		}
	}
	return nil
}

func (r *Resolver) unmarshalOption(d *caddyfile.Dispenser) error {
	name := d.Val()
	switch name {
	case "header":
		return r.unmarshalHeader(d)
	case "timeout":
		if r.Timeout != 0 {
			return d.Errf("timeout already specified")
		}
		var err error
		r.Timeout, err = option.UnmarshalDuration(d, time.Millisecond)
		return err
	case "retries":
		return r.unmarshalRetries(d)
	case "insecure_http":
		if d.NextArg() {
			return d.Errf("insecure_http takes no argument")
		}
		if r.InsecureHTTP {
			return d.Errf("insecure_http already specified")
		}
		r.InsecureHTTP = true
		return option.NoBlock(d, name)
	case "transport":
		return r.unmarshalTransport(d)
	default:
		return d.Errf("unrecognized option '%s' of resolver: expected %s", name, resolverOptions)
	}
}

func (r *Resolver) unmarshalHeader(d *caddyfile.Dispenser) error {
	var name, value string
	if !d.AllArgs(&name, &value) || name == "" {
		return d.Errf("header takes two arguments, a name and a value")
	}
	if value == "" {
		return d.Errf("header %s is empty", name)
	}
	if r.Headers == nil {
		r.Headers = make(http.Header)
	}
	r.Headers.Add(name, value)
	return option.NoBlock(d, "header")
}

func (r *Resolver) unmarshalRetries(d *caddyfile.Dispenser) error {
	if r.Retries != nil {
		return d.Errf("retries already specified")
	}
	var count string
	if !d.AllArgs(&count) {
		return d.Errf("retries takes one argument, a number")
	}
	retries, err := strconv.Atoi(count)
	if err != nil || retries < 0 || retries > maxResolverRetries {
		return d.Errf("retries: '%s' is not a number from 0 to %d", count, maxResolverRetries)
	}
	r.Retries = &retries
	return option.NoBlock(d, "retries")
}

func (r *Resolver) unmarshalTransport(d *caddyfile.Dispenser) error {
	if r.TransportRaw != nil {
		return d.Errf("transport already specified")
	}
	if d.CountRemainingArgs() > 0 {
		return d.Errf("transport takes no argument, but a block with options of the transport http of reverse_proxy")
	}
	transport, err := caddyfile.UnmarshalModule(d, "http.reverse_proxy.transport.http")
	if err != nil {
		return option.TransportError(err, "")
	}
	r.TransportRaw = caddyconfig.JSONModuleObject(transport, "protocol", "http", nil)
	return nil
}
