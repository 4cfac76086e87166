// SPDX-License-Identifier: Apache-2.0

//go:build e2e

// Command failingsource is the Caddy under test with one more source of
// credentials, which never has any:
//
//	uploadcare {
//		project <public_key> {
//			failing
//		}
//	}
package main

import (
	"context"
	"errors"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule"
	_ "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

func main() {
	caddy.RegisterModule(failing{})
	caddycmd.Main()
}

var errNoCredential = errors.New("this source never has a credential")

type failing struct{}

// CaddyModule returns the Caddy module information.
func (failing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "uploadcare.sources.failing",
		New: func() caddy.Module { return new(failing) },
	}
}

// UnmarshalCaddyfile takes the subdirective, which has no arguments.
func (*failing) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume source name
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

// Token implements [source.Source].
func (*failing) Token(context.Context, time.Time) (source.Token, error) {
	return source.Token{}, errNoCredential
}

// CacheKey implements [source.Source].
func (*failing) CacheKey() string { return "" }

// Interface guards
var (
	_ caddyfile.Unmarshaler = (*failing)(nil)
	_ source.Source         = (*failing)(nil)
)
