// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const (
	signDirective = "uploadcare_sign"
	signOptions   = "project, cors, lifetime, threshold or a source of credentials such as secret_key"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective(signDirective, parseSign)

	// Size limits and authentication come before reverse_proxy in the standard
	// order; so they run before anything is signed.
	httpcaddyfile.RegisterDirectiveOrder(signDirective, httpcaddyfile.Before, "reverse_proxy")
}

func parseSign(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	sign := new(Sign)
	return sign, sign.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	uploadcare_sign [<matcher>] {
//		project <public_key> {
//			secret_key <key>
//			lifetime   <duration>
//			threshold  <duration>
//		}
//		cors <origin...>
//	}
//
// With one project, its options may stand directly in the block, and so may
// `project <public_key>` without a block. Any other subdirective is looked up
// among the sources of credentials.
func (s *Sign) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return s.unmarshalBlock(d)
}

// unmarshalBlock parses a directive that has nothing but a block of options.
func (s *Sign) unmarshalBlock(d *caddyfile.Dispenser) error {
	d.Next() // consume directive name
	name := d.Val()
	if d.NextArg() {
		return d.Errf("unexpected argument '%s': %s takes a block", d.Val(), name)
	}
	var options signTokens
	for d.NextBlock(0) {
		if !isSignOption(d.Val()) {
			return d.Errf("unrecognized subdirective '%s': expected %s", d.Val(), signOptions)
		}
		segment := d.NextSegment()
		options.add(segment)
	}
	return s.unmarshalOptions(options)
}

// signTokens are the subdirectives of a block that are about signing.
type signTokens struct {
	projects []caddyfile.Segment
	cors     []caddyfile.Segment
	direct   []caddyfile.Segment // options of the only project
}

func (t *signTokens) add(segment caddyfile.Segment) {
	switch segment[0].Text {
	case "project":
		t.projects = append(t.projects, segment)
	case "cors":
		t.cors = append(t.cors, segment)
	default:
		t.direct = append(t.direct, segment)
	}
}

// isSignOption reports whether a subdirective is about signing.
func isSignOption(name string) bool {
	switch name {
	case "project", "cors", "lifetime", "threshold":
		return true
	}
	_, err := caddy.GetModule(sourceNamespace + "." + name)
	return err == nil
}

func (s *Sign) unmarshalOptions(options signTokens) error {
	for _, segment := range options.projects {
		project, err := unmarshalProject(segment)
		if err != nil {
			return err
		}
		s.Projects = append(s.Projects, project)
	}
	for _, segment := range options.cors {
		d := caddyfile.NewDispenser(segment)
		d.Next() // consume subdirective name
		if s.CORS != nil {
			return d.Errf("cors already specified")
		}
		origins, err := unmarshalOrigins(d)
		if err != nil {
			return err
		}
		s.CORS = origins
	}
	if len(options.direct) == 0 {
		return nil
	}
	d := caddyfile.NewDispenser(options.direct[0])
	d.Next()
	switch {
	case len(s.Projects) > 1:
		return d.Errf("'%s' stands outside of a project: with several projects, each has its options in its own block", d.Val())
	case len(s.Projects) == 1 && (s.Projects[0].SourceRaw != nil || s.Projects[0].Threshold != nil):
		return d.Errf("'%s' stands outside of the project's block", d.Val())
	case len(s.Projects) == 0:
		s.Projects = []*Project{new(Project)}
	}
	return s.Projects[0].unmarshalOptions(options.direct)
}

// unmarshalProject parses `project <public_key> [{ ... }]`.
func unmarshalProject(segment caddyfile.Segment) (*Project, error) {
	d := caddyfile.NewDispenser(segment)
	d.Next() // consume subdirective name
	project := new(Project)
	if !d.AllArgs(&project.PublicKey) || project.PublicKey == "" {
		return nil, d.Errf("project takes one argument, the public key or *")
	}
	var options []caddyfile.Segment
	for d.NextBlock(0) {
		options = append(options, d.NextSegment())
	}
	return project, project.unmarshalOptions(options)
}

// unmarshalOptions parses the options of a project.
func (p *Project) unmarshalOptions(options []caddyfile.Segment) error {
	var source caddyfile.Unmarshaler
	var sourceName string
	var lifetime *caddyfile.Dispenser
	var lifetimeValue caddy.Duration
	for _, segment := range options {
		d := caddyfile.NewDispenser(segment)
		d.Next() // consume subdirective name
		name := d.Val()
		switch {
		case name == "lifetime":
			if lifetime != nil {
				return d.Errf("lifetime already specified")
			}
			value, err := unmarshalDuration(d, time.Second)
			if err != nil {
				return err
			}
			lifetime, lifetimeValue = d, value
		case name == "threshold":
			if p.Threshold != nil {
				return d.Errf("threshold already specified")
			}
			value, err := unmarshalDuration(d, 0)
			if err != nil {
				return err
			}
			p.Threshold = &value
		case name == "project" || name == "cors" || !isSignOption(name):
			return d.Errf("unrecognized option '%s' of a project: expected lifetime, threshold or a source of credentials such as secret_key", name)
		case source != nil:
			return d.Errf("%s: the project has a source of credentials already, %s", name, sourceName)
		default:
			unmarshaler, err := caddyfile.UnmarshalModule(d, sourceNamespace+"."+name)
			if err != nil {
				return err
			}
			source, sourceName = unmarshaler, name
		}
	}
	if lifetime != nil {
		if source == nil {
			source, sourceName = new(SecretKey), "secret_key"
		}
		secretKey, ok := source.(*SecretKey)
		if !ok {
			return lifetime.Errf("lifetime is an option of secret_key; the credentials of %s have their own", sourceName)
		}
		secretKey.Lifetime = lifetimeValue
	}
	if source != nil {
		p.SourceRaw = caddyconfig.JSONModuleObject(source, "module", sourceName, nil)
	}
	return nil
}

// unmarshalDuration parses the only argument of an option.
func unmarshalDuration(d *caddyfile.Dispenser, minimum time.Duration) (caddy.Duration, error) {
	name := d.Val()
	var value string
	if !d.AllArgs(&value) {
		return 0, d.Errf("%s takes one argument, a duration such as 10m", name)
	}
	duration, err := caddy.ParseDuration(value)
	if err != nil {
		return 0, d.Errf("%s: '%s' is not a duration such as 10m", name, value)
	}
	if duration < minimum {
		return 0, d.Errf("%s: %s is less than %s", name, value, minimum)
	}
	return caddy.Duration(duration), noBlock(d, name)
}

// noBlock is an error if the subdirective called name has a block.
func noBlock(d *caddyfile.Dispenser, name string) error {
	if nesting := d.Nesting(); d.NextBlock(nesting) {
		return d.Errf("%s takes no block", name)
	}
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Sign)(nil)
