// SPDX-License-Identifier: Apache-2.0

package project

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// Options lists the names of a project's options for load errors, so that a typo is found at
// once.
const Options = "scheme, lifetime, operations, threshold, shared, max_file_size, types, from_url, endpoints, max_files, metadata, store, callers or a source of credentials such as secret_key, resolver or static"

// staticSource is the source that may stand beside another, as its fallback.
const staticSource = "static"

// IsOption reports whether a subdirective is an option of a project.
func IsOption(name string) bool {
	switch name {
	case "scheme", "lifetime", "operations", "threshold", "shared", "callers":
		return true
	}
	if isPolicyOption(name) {
		return true
	}
	// Guest modules are sources as well, so the names cannot be a list.
	_, err := caddy.GetModule(source.Namespace + "." + name)
	return err == nil
}

// Unmarshal parses `project <public_key> [{ ... }]`.
func Unmarshal(segment caddyfile.Segment) (*Project, error) {
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
	return project, project.UnmarshalOptions(options)
}

// HasOptions reports whether the project has any option but its public key. One that has none
// takes those that stand beside it in the block.
func (p *Project) HasOptions() bool {
	return p.Scheme != "" || p.SourceRaw != nil || p.FallbackRaw != nil || p.Threshold != nil || p.Shared || p.Policy != nil || p.Callers != ""
}

// UnmarshalOptions parses the options of a project, one to a segment.
func (p *Project) UnmarshalOptions(options []caddyfile.Segment) error {
	var live, static namedSource
	var minting minting
	for _, segment := range options {
		d := caddyfile.NewDispenser(segment)
		d.Next() // consume subdirective name
		var err error
		switch name := d.Val(); {
		case !IsOption(name):
			return d.Errf("unrecognized option '%s' of a project: expected %s", name, Options)
		case name == "lifetime" || name == "operations":
			err = minting.unmarshal(d)
		case isPolicyOption(name):
			err = p.unmarshalPolicyOption(d)
		case name == "scheme" || name == "threshold" || name == "shared":
			err = p.unmarshalOption(d)
		case name == "callers":
			err = p.unmarshalCallers(d)
		case name == staticSource:
			err = static.unmarshal(d)
		default:
			err = live.unmarshal(d)
		}
		if err != nil {
			return err
		}
	}
	// Alone, a static pair is the source itself. Whether it is one or the fallback is known only
	// after the last option: their order is the user's.
	if live.source == nil {
		live, static = static, namedSource{}
	}
	if err := minting.addTo(&live); err != nil {
		return err
	}
	if _, ok := live.source.(source.LocalSource); ok && static.source != nil {
		return static.d.Errf("%s: the project has a source of credentials already, %s, which cannot fail and needs no fallback", static.name, live.name)
	}
	p.SourceRaw, p.FallbackRaw = live.json(), static.json()
	return nil
}

// unmarshalOption parses an option of the project itself.
func (p *Project) unmarshalOption(d *caddyfile.Dispenser) error {
	name := d.Val()
	switch name {
	case "scheme":
		if p.Scheme != "" {
			return d.Errf("scheme already specified")
		}
		if !d.AllArgs(&p.Scheme) || p.Scheme != source.SchemeSignature && p.Scheme != source.SchemeToken {
			return d.Errf("scheme takes one argument, %s or %s", source.SchemeSignature, source.SchemeToken)
		}
	case "threshold":
		if p.Threshold != nil {
			return d.Errf("threshold already specified")
		}
		value, err := option.UnmarshalDuration(d, 0)
		p.Threshold = &value
		return err
	case "shared":
		if p.Shared {
			return d.Errf("shared already specified")
		}
		if d.NextArg() {
			return d.Errf("shared takes no argument")
		}
		p.Shared = true
	}
	return option.NoBlock(d, name)
}

// namedSource is a source with its name in the Caddyfile, and the tokens that errors point at.
type namedSource struct {
	name   string
	source caddyfile.Unmarshaler
	d      *caddyfile.Dispenser
}

// unmarshal parses a source. secret_key may be repeated: keys in several lines are rotated like
// those in one.
func (n *namedSource) unmarshal(d *caddyfile.Dispenser) error {
	name := d.Val()
	if secretKey, ok := n.source.(*source.SecretKey); ok && name == n.name { // another key
		d.Reset()
		return secretKey.UnmarshalCaddyfile(d)
	}
	if n.source != nil {
		return d.Errf("%s: the project has a source of credentials already, %s", name, n.name)
	}
	// A guest that cannot be written in the Caddyfile is an error here, with its line.
	source, err := caddyfile.UnmarshalModule(d, source.Namespace+"."+name)
	*n = namedSource{name, source, d}
	return err
}

// json returns the source as it stands in JSON, or nil so that the option is left out there.
func (n *namedSource) json() json.RawMessage {
	if n.source == nil {
		return nil
	}
	return caddyconfig.JSONModuleObject(n.source, "module", n.name, nil)
}

// minting holds the options of secret_key, which are subdirectives beside it.
type minting struct {
	lifetime, operations *caddyfile.Dispenser // the tokens of each; nil if it is absent
	options              source.SecretKey
}

// unmarshal parses one of the options, which may come before the line of secret_key.
func (m *minting) unmarshal(d *caddyfile.Dispenser) error {
	name := d.Val()
	stands := &m.lifetime
	if name == "operations" {
		stands = &m.operations
	}
	if *stands != nil {
		return d.Errf("%s already specified", name)
	}
	*stands = d
	if name == "lifetime" {
		var err error
		m.options.Lifetime, err = option.UnmarshalDuration(d, time.Second)
		return err
	}
	var count string
	if !d.AllArgs(&count) {
		return d.Errf("operations takes one argument, a number")
	}
	operations, err := strconv.Atoi(count)
	if err != nil || operations < 1 {
		return d.Errf("operations: '%s' is not a positive number", count)
	}
	m.options.Operations = operations
	return option.NoBlock(d, name)
}

// addTo sets the options on the source, which is secret_key if none is named.
func (m *minting) addTo(live *namedSource) error {
	if m.lifetime == nil && m.operations == nil {
		return nil
	}
	if live.source == nil {
		*live = namedSource{name: "secret_key", source: new(source.SecretKey)}
	}
	secretKey, ok := live.source.(*source.SecretKey)
	switch {
	case ok:
		secretKey.Lifetime, secretKey.Operations = m.options.Lifetime, m.options.Operations
		return nil
	case m.lifetime != nil:
		return m.lifetime.Errf("lifetime is an option of secret_key; the credentials of %s have their own", live.name)
	default:
		return m.operations.Errf("operations is an option of secret_key; the credentials of %s have their own", live.name)
	}
}
