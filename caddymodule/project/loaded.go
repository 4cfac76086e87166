// SPDX-License-Identifier: Apache-2.0

package project

import (
	"slices"
	"sync"
)

// loaded has the projects of all configs that are up, the newest last. During a reload two
// configs are up. The admin API, which belongs to no config, finds the projects here.
var loaded registry

type registry struct {
	mu       sync.Mutex
	projects []*Project
}

func (r *registry) add(p *Project) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.projects = append(r.projects, p)
}

// remove removes a project. It need not be there: Caddy also cleans up what has failed to load.
func (r *registry) remove(p *Project) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.projects, p); i >= 0 {
		r.projects = slices.Delete(r.projects, i, i+1)
	}
}

// distinct returns the projects without duplicates, sorted by their names: a project that
// several handlers have, or both the old and the new config, is one to an operator.
func (r *registry) distinct() []*Project {
	r.mu.Lock()
	all := slices.Clone(r.projects)
	r.mu.Unlock()
	type identity struct {
		credentials               *credentials
		callers, policy, fallback string
	}
	seen := make(map[identity]bool)
	var distinct []*Project
	for _, p := range slices.Backward(all) { // the newest of equal projects has the logger and the storage that are in use
		// Projects with the same credentials may differ in what they allow, which the status shows.
		id := identity{p.credentials, p.Callers, p.rules.String(), p.fallbackName()}
		if !seen[id] {
			seen[id] = true
			distinct = append(distinct, p)
		}
	}
	slices.SortStableFunc(distinct, func(a, b *Project) int {
		switch {
		case a.publicKey < b.publicKey:
			return -1
		case a.publicKey > b.publicKey:
			return 1
		default:
			return 0
		}
	})
	return distinct
}
