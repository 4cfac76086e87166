// SPDX-License-Identifier: Apache-2.0

package sandbox

// recentLimit is how many entries are remembered of anything.
const recentLimit = 10_000

// recent is a map that forgets its oldest entries. The zero value is empty.
type recent[V any] struct {
	entries map[string]V
	order   []string
}

func (r *recent[V]) get(key string) (V, bool) {
	value, ok := r.entries[key]
	return value, ok
}

func (r *recent[V]) put(key string, value V) {
	if r.entries == nil {
		r.entries = make(map[string]V)
	}
	if _, known := r.entries[key]; !known {
		r.order = append(r.order, key)
	}
	r.entries[key] = value
	if len(r.order) > recentLimit {
		delete(r.entries, r.order[0])
		r.order = r.order[1:]
	}
}
