// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"slices"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/policy"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// policies are what a handler derives from the policies of its projects, once for all uploads.
type policies struct {
	rules []*policy.Rules // of each project; nil if no project has any

	// stale are the fields that are removed from every upload, whatever its project:
	// those of credentials, and those that every project forces.
	stale *form.Names
	// contested are fields that some projects force and others do not; nil if there are
	// none. In a form that names its project after them, they cannot be removed: if the
	// project did not force them, the client's own would be lost.
	contested *form.Names
	// of has the fields to be removed from an upload whose project has the rules.
	of map[*policy.Rules]*form.Names

	// watched are the fields of forms that are read, judged those among them that a
	// policy wants to see, by endpoint. An endpoint without any is not in judged.
	watched, judged map[*uploadapi.SignedEndpoint]*form.Names
}

func newPolicies(projects *project.Set) policies {
	p := policies{
		rules: projects.Rules(), stale: staleFields, of: make(map[*policy.Rules]*form.Names),
		watched: make(map[*uploadapi.SignedEndpoint]*form.Names), judged: make(map[*uploadapi.SignedEndpoint]*form.Names),
	}
	forcedBy := make(map[string]int) // how many projects
	for _, rules := range p.rules {
		for _, name := range rules.Forced() {
			forcedBy[name]++
		}
		p.of[rules] = form.NewNames(append(uploadapi.CredentialFields(), rules.Forced()...)...)
	}
	var always, sometimes []string
	for name, count := range forcedBy {
		if count == len(p.rules) {
			always = append(always, name)
		} else {
			sometimes = append(sometimes, name)
		}
	}
	if len(always) > 0 {
		p.stale = form.NewNames(append(uploadapi.CredentialFields(), always...)...)
	}
	if len(sometimes) > 0 {
		p.contested = form.NewNames(sometimes...)
	}
	for _, endpoint := range uploadapi.SignedEndpoints() {
		p.watched[endpoint] = publicKeyFields
		if names := policy.NewJudge(endpoint, p.rules).Watched(); len(names) > 0 {
			p.judged[endpoint] = form.NewNames(names...)
			p.watched[endpoint] = form.NewNames(append(names, publicKeyNames...)...)
		}
	}
	return p
}

// maxWatchedValue is the longest value of a field that is read at an endpoint, in bytes.
func (p *policies) maxWatchedValue(endpoint *uploadapi.SignedEndpoint) int {
	if p.judged[endpoint] == nil {
		return form.MaxWatchedValueSize
	}
	return policy.MaxFieldSize
}

// beginJudging begins with the verdict on an attempt. It refuses what is forbidden by the
// head alone.
func (a *attempt) beginJudging(length int64) error {
	if a.sign.policies.rules == nil {
		return nil
	}
	a.judge = policy.NewJudge(a.endpoint, a.sign.policies.rules)
	if err := a.judge.Err(); err != nil {
		return err
	}
	if a.foreign {
		if err := a.judge.Foreign(); err != nil {
			return err
		}
	}
	if a.client != nil {
		if err := a.judge.Length(length); err != nil {
			return err
		}
	}
	if err := a.judgeParams(a.query); err != nil {
		return err
	}
	if err := a.findCharset(a.query); err != nil {
		return err
	}
	return a.checkKnownForced()
}

// judgeParams judges the fields of a query string or a urlencoded body.
func (a *attempt) judgeParams(params string) error {
	judged := a.sign.policies.judged[a.endpoint]
	if judged == nil || params == "" {
		return nil
	}
	return form.WatchQuery(params, judged, a.judge.Field)
}

// applyPolicy applies the policy of the project, which has just become known.
func (a *attempt) applyPolicy() error {
	if a.sign.policies.rules == nil {
		return nil
	}
	rules := a.project.Rules()
	if err := a.judge.Choose(rules); err != nil {
		return err
	}
	for _, name := range a.passed {
		if slices.Contains(rules.Forced(), name) {
			return errFieldOrder
		}
	}
	return a.checkForced(a.forcedOf(a.project))
}

// watch takes the value of a watched field.
func (a *attempt) watch(name, value string) error {
	if slices.Contains(publicKeyNames, name) {
		return a.choose(value)
	}
	return a.judge.Field(name, value)
}

// isStale decides on a contested field. Once the project is known, its policy does. Until
// then, the field passes, and is held against the form if the project turns out to force
// it.
func (a *attempt) isStale(name string) (bool, error) {
	if a.project != nil {
		return slices.Contains(a.project.Rules().Forced(), name), nil
	}
	if !slices.Contains(a.passed, name) {
		a.passed = append(a.passed, name)
	}
	return false, nil
}

// passContested notes contested fields in the query of a request with a form. The query leaves
// before the form can name the project, so they pass, as in isStale.
func (a *attempt) passContested(query string) error {
	contested := a.sign.policies.contested
	if contested == nil {
		return nil
	}
	return form.WatchQuery(query, contested, func(name, _ string) error {
		_, err := a.isStale(name)
		return err
	})
}

// staleNames returns the fields to be removed, as far as the project is known.
func (a *attempt) staleNames() *form.Names {
	if a.project == nil {
		return a.sign.policies.stale
	}
	if names := a.sign.policies.of[a.project.Rules()]; names != nil {
		return names
	}
	return staleFields
}
