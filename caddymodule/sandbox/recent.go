// SPDX-License-Identifier: Apache-2.0

package sandbox

// recentLimit is how many entries a map of type recent has at most.
const recentLimit = 10_000

// recent is a map that forgets its oldest entries, so that clients cannot fill the memory.
// The zero value is empty. It is not safe for concurrent use.
type recent[V any] struct {
	entries map[string]V
	order   []string // of the first put of each key
}

// get returns the value of a key, and whether there is one.
func (r *recent[V]) get(key string) (V, bool) {
	value, ok := r.entries[key]
	return value, ok
}

// put sets the value of a key.
func (r *recent[V]) put(key string, value V) {
	if r.entries == nil {
		r.entries = make(map[string]V)
	}
	// A key that is put again keeps its place: what counts is when it was first seen.
	if _, known := r.entries[key]; !known {
		r.order = append(r.order, key)
	}
	r.entries[key] = value
	if len(r.order) > recentLimit {
		delete(r.entries, r.order[0])
		r.order = r.order[1:]
	}
}
