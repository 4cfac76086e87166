// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/policy"
)

// Rules returns the rules of the project's policy, nil if it has none.
func (p *Project) Rules() *policy.Rules { return p.rules }

// HasPolicy reports whether the project has any rule of what may be uploaded.
func (p *Project) HasPolicy() bool { return p.rules != nil }

// compilePolicy checks a policy, which may be nil.
func compilePolicy(p *policy.Policy) (*policy.Rules, error) {
	rules, err := p.Compile()
	if err != nil || rules == nil {
		return nil, err
	}
	for key, value := range p.Metadata {
		if err := checkForced("metadata "+key, value); err != nil {
			return nil, err
		}
	}
	return rules, checkForced("store", p.Store)
}

// checkForced checks the placeholders of a forced field's value, so that a typo is a load
// error, and not an upload without the field.
func checkForced(name, value string) error {
	for _, placeholder := range option.Placeholders(value) {
		if err := option.CheckRequestPlaceholder(placeholder); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// Forced are the fields that a project's policy puts into one upload.
type Forced struct {
	Project *Project
	Fields  []form.Field
	Err     error // why the upload cannot have them
}

// Forced returns what the projects' policies put into an upload, for those that put in
// anything, given the request's context with Caddy's replacer. It must be called before
// headers that values depend on are removed.
func (s *Set) Forced(ctx context.Context, endpoint *uploadapi.SignedEndpoint) []Forced {
	if len(s.forcing) == 0 {
		return nil
	}
	replacer := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	all := make([]Forced, len(s.forcing))
	for i, project := range s.forcing {
		fields, err := project.rules.Fields(endpoint, func(value string) string { return resolve(replacer, value) })
		all[i] = Forced{project, fields, err}
	}
	return all
}

// resolve replaces the placeholders of a value. Most are a placeholder and nothing else, which
// need not be searched for others.
func resolve(replacer *caddy.Replacer, value string) string {
	if last := len(value) - 1; value[0] == '{' && strings.IndexByte(value, '}') == last && strings.LastIndexByte(value, '{') == 0 && value[last-1] != '\\' {
		text, _ := replacer.GetString(value[1:last])
		return text
	}
	return replacer.ReplaceAll(value, "")
}

// Rules returns the rules of each project, of which some may be nil, or nil if no project
// has any.
func (s *Set) Rules() []*policy.Rules {
	all := make([]*policy.Rules, 0, len(s.all))
	for _, project := range s.all {
		all = append(all, project.rules)
	}
	if !slices.ContainsFunc(all, func(rules *policy.Rules) bool { return rules != nil }) {
		return nil
	}
	return all
}
