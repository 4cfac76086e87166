// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// bypassOption is the name, in the Caddyfile and in JSON, of [Signature.BypassesPolicy].
const bypassOption = "bypasses_policy"

// peer is what a handler lets the others of its config know: uploadcare_sign, whether it
// applies rules to a project's uploads; uploadcare_signature, of which project it hands out
// signatures, with which uploads go past those rules.
type peer struct {
	// config is the metrics registry of the config that the handler belongs to. Caddy
	// makes one for each load, and hands it to all modules of that load and to no other,
	// which cannot be said of anything else that a module can see.
	config    *prometheus.Registry
	hasPolicy func(publicKey string) bool // nil if the handler applies no rules
	handsOut  string                      // a public key, or empty
}

// peers are the handlers of all configs that are loaded or being loaded: while one is
// replaced, of two.
type peers struct {
	mu       sync.Mutex
	byConfig map[*prometheus.Registry]map[*peer]struct{}
}

var allPeers peers

// add adds a handler. It is an error if, in the same config, signatures are handed out that
// sign what a project's rules forbid, whichever of the two handlers is loaded first.
func (p *peers) add(added *peer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other := range p.byConfig[added.config] {
		for _, pair := range [][2]*peer{{added, other}, {other, added}} {
			if through, past := pair[0], pair[1]; through.hasPolicy != nil && past.handsOut != "" && through.hasPolicy(past.handsOut) {
				return bypassError(past.handsOut)
			}
		}
	}
	if p.byConfig == nil {
		p.byConfig = make(map[*prometheus.Registry]map[*peer]struct{})
	}
	if p.byConfig[added.config] == nil {
		p.byConfig[added.config] = make(map[*peer]struct{})
	}
	p.byConfig[added.config][added] = struct{}{}
	return nil
}

// remove removes a handler, if it was added. A config without handlers is forgotten.
func (p *peers) remove(removed *peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.byConfig[removed.config], removed)
	if len(p.byConfig[removed.config]) == 0 {
		delete(p.byConfig, removed.config)
	}
}

func bypassError(publicKey string) error {
	return fmt.Errorf("project %s has rules on what may be uploaded, and a signature from %s allows any upload, past the gateway and its rules: remove %s, or write %s in it if that is meant",
		publicKey, signatureDirective, signatureDirective, bypassOption)
}
