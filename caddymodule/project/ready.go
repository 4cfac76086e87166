// SPDX-License-Identifier: Apache-2.0

package project

import "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"

// Readiness is for load balancers, which send uploads elsewhere if this machine is not
// ready. So what all machines have in common does not count: a resolver that is down, or
// a service, would take all of them out, and is for an alert instead.

// notReady returns why this machine cannot sign uploads to the project while another may,
// or "". A project that was not asked yet is ready, and so is one whose credentials
// depend on the caller, or on a public key that only an upload names.
func (p *Project) notReady() string {
	switch {
	case p.perRequest != nil, p.publicKey == Any, !p.credentials.asked.fails(), p.hasCredential():
		return ""
	case p.isLocal():
		return "its credentials are made on this machine, by " + sourceName(p.source) + ", which fails"
	case p.fleet != nil && p.fleet.Fails():
		return "the storage that it shares credentials through fails on this machine, and so does its source"
	}
	return ""
}

// isLocal reports whether the source makes credentials by itself. A static one was made
// elsewhere: when it expires, it does so on all machines.
func (p *Project) isLocal() bool {
	_, local := p.source.(source.LocalSource)
	_, fixed := p.source.(source.FixedSource)
	return local && !fixed
}

// hasCredential reports whether there is a credential that has not expired, of the source or
// of the fallback.
func (p *Project) hasCredential() bool {
	now := p.credentials.clock.Now().Wall
	if held, ok := p.credentials.cache.Current(); ok && !held.Expired(now, 0) {
		return true
	}
	held, ok := p.held(p.fallback)
	return ok && !held.Expired(now, 0)
}

// NotReady returns, by project, why this machine cannot sign. It returns nil if the machine
// can sign for at least one project, or if what fails would fail on all machines. none says
// that no project is loaded. No source is asked: probes come often.
func NotReady() (reasons map[string]string, none bool) {
	projects := loaded.distinct()
	for _, p := range projects {
		reason := p.notReady()
		if reason == "" {
			return nil, false
		}
		if reasons == nil {
			reasons = make(map[string]string)
		}
		reasons[p.publicKey] = reason
	}
	return reasons, len(projects) == 0
}
