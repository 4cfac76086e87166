// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

const (
	// Directive is the handler's name in the Caddyfile.
	Directive = "uploadcare_sign"
	// Options lists its subdirectives for load errors, so that a typo is found at once.
	Options = "project, cors, " + traceOption + ", " + windowsOption + ", " + project.Options

	// traceOption is a subdirective of what passes uploads on, and of nothing else.
	traceOption = "trace_upstream"
)

func init() {
	option.RegisterHandlerDirective(Directive, parseSign, option.PassOn)

	// Size limits and authentication come before reverse_proxy in the standard order;
	// so nothing is signed for a request that they refuse.
	httpcaddyfile.RegisterDirectiveOrder(Directive, httpcaddyfile.Before, "reverse_proxy")
}

func parseSign(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	sign := new(Sign)
	return sign, sign.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	uploadcare_sign [<matcher>] {
//		project <public_key> {
//			<options>
//		}
//		cors <origin...>
//		trace_upstream
//		http2_windows <size>|off
//	}
//
// The options of a project are:
//
//	secret_key    <key...>
//	resolver      <url> { ... }
//	static        <signature> <expire>
//	scheme        signature|token
//	lifetime      <duration>
//	operations    <count>
//	threshold     <duration>
//	shared
//	callers       checked|anyone
//	max_file_size <size>
//	types         <media type or extension...>
//	from_url      <host...>|off
//	endpoints     <base|multipart|from_url|group...>
//	max_files     <number>
//	metadata      <key> <value>
//	store         <value>
//
// Several lines of cors add up. With one project, its options may stand directly in the
// block, beside `project <public_key>` without a block of its own. Any other subdirective
// is the name of a guest module in the namespace uploadcare.sources.
func (s *Sign) UnmarshalCaddyfile(d *caddyfile.Dispenser) (err error) {
	options, err := unmarshalBlock(d, nil, Options, IsOption)
	if err != nil {
		return err
	}
	return s.UnmarshalOptions(options)
}

// unmarshalBlock parses a directive that has nothing but a block of flags and options.
func unmarshalBlock(d *caddyfile.Dispenser, flags map[string]*bool, expected string, isOption func(string) bool) (options Subdirectives, err error) {
	d.Next() // consume directive name
	name := d.Val()
	if d.NextArg() {
		return options, d.Errf("unexpected argument '%s': %s takes a block", d.Val(), name)
	}
	for d.NextBlock(0) {
		switch flag := flags[d.Val()]; {
		case flag != nil:
			if err := unmarshalFlag(d, flag); err != nil {
				return options, err
			}
		case isOption(d.Val()):
			options.Add(d.NextSegment())
		default:
			return options, d.Errf("unrecognized subdirective '%s': expected %s", d.Val(), expected)
		}
	}
	return options, nil
}

// unmarshalFlag parses a subdirective that is either there or not.
func unmarshalFlag(d *caddyfile.Dispenser, flag *bool) error {
	name := d.Val()
	switch {
	case d.NextArg():
		return d.Errf("%s takes no argument", name)
	case *flag:
		return d.Errf("%s already specified", name)
	}
	*flag = true
	return option.NoBlock(d, name)
}

// Subdirectives are the subdirectives of a block that are about signing. They are
// collected before they are parsed: whether options may stand outside of a project's
// block depends on how many projects there are, and their order is the user's.
type Subdirectives struct {
	projects []caddyfile.Segment
	cors     []caddyfile.Segment
	direct   []caddyfile.Segment // options of the only project
	trace    []caddyfile.Segment // trace_upstream
	windows  []caddyfile.Segment // http2_windows
}

// Add adds a subdirective of which [IsOption] is true, with its arguments and block.
func (t *Subdirectives) Add(segment caddyfile.Segment) {
	switch segment[0].Text {
	case "project":
		t.projects = append(t.projects, segment)
	case "cors":
		t.cors = append(t.cors, segment)
	case traceOption:
		t.trace = append(t.trace, segment)
	case windowsOption:
		t.windows = append(t.windows, segment)
	default:
		t.direct = append(t.direct, segment)
	}
}

// IsOption reports whether a subdirective is about signing. The directive uploadcare gives
// any other to reverse_proxy.
func IsOption(name string) bool {
	return name == traceOption || name == windowsOption || isCommonOption(name)
}

// isCommonOption is IsOption for what does not pass uploads on.
func isCommonOption(name string) bool {
	return name == "project" || name == "cors" || project.IsOption(name)
}

// UnmarshalOptions sets up the handler from a block's subdirectives. Its error names the
// line of the Caddyfile.
func (s *Sign) UnmarshalOptions(options Subdirectives) (err error) {
	for _, segment := range options.trace {
		d := caddyfile.NewDispenser(segment)
		d.Next() // consume subdirective name
		if err := unmarshalFlag(d, &s.TraceUpstream); err != nil {
			return err
		}
	}
	for _, segment := range options.windows {
		d := caddyfile.NewDispenser(segment)
		d.Next() // consume subdirective name
		if err := unmarshalWindows(d, &s.HTTP2Windows); err != nil {
			return err
		}
	}
	s.Projects, s.CORS, err = options.unmarshal()
	return err
}

func (t *Subdirectives) unmarshal() (projects []*project.Project, cors []string, err error) {
	for _, segment := range t.projects {
		one, err := project.Unmarshal(segment)
		if err != nil {
			return nil, nil, err
		}
		projects = append(projects, one)
	}
	for _, segment := range t.cors {
		d := caddyfile.NewDispenser(segment)
		d.Next() // consume subdirective name
		if cors, err = unmarshalOrigins(d, cors); err != nil {
			return nil, nil, err
		}
	}
	projects, err = t.unmarshalDirect(projects)
	return projects, cors, err
}

// unmarshalDirect parses options that stand outside of a project's block and belong to the
// only project. With several, or beside a project's own block, they would be ambiguous.
func (t *Subdirectives) unmarshalDirect(projects []*project.Project) ([]*project.Project, error) {
	if len(t.direct) == 0 {
		return projects, nil
	}
	d := caddyfile.NewDispenser(t.direct[0])
	d.Next()
	switch {
	case len(projects) > 1:
		return nil, d.Errf("'%s' stands outside of a project: with several projects, each has its options in its own block", d.Val())
	case len(projects) == 1 && projects[0].HasOptions():
		return nil, d.Errf("'%s' stands outside of the project's block", d.Val())
	case len(projects) == 0:
		projects = []*project.Project{new(project.Project)}
	}
	return projects, projects[0].UnmarshalOptions(t.direct)
}

// unmarshalOrigins adds the arguments of a line of `cors` to those of the lines before.
// They are checked here as well as in Provision, since only here an error has a line.
func unmarshalOrigins(d *caddyfile.Dispenser, before []string) ([]string, error) {
	arguments := d.RemainingArgs()
	if len(arguments) == 0 {
		return nil, d.Errf("cors takes origins such as https://www.example.com, https://*.example.com, capacitor://localhost or null")
	}
	all := slices.Concat(before, arguments)
	if _, err := newOrigins(all); err != nil {
		return nil, d.WrapErr(err)
	}
	return all, option.NoBlock(d, "cors")
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Sign)(nil)
