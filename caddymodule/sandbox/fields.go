// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// fields are the fields and parameters of a request, without its files.
//
// Endpoints that take no file accept them in either place. Which one the service prefers
// if both have a value is not documented; here it is the body.
type fields struct {
	body, query url.Values
}

// all returns every value of a name, those of the body first.
func (f fields) all(name string) []string {
	return slices.Concat(f.body[name], f.query[name])
}

// names returns every name that was sent, in order.
func (f fields) names() []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(f.body)), maps.Keys(f.query))
	slices.Sort(names)
	return names
}

// first returns the first value of a name that is not empty, or "". An empty field counts
// as a missing one: clients send all that they have inputs for.
func (f fields) first(name string) string {
	for _, value := range f.all(name) {
		if value != "" {
			return value
		}
	}
	return ""
}

// sent reports whether the request has the field at all, even with an empty value.
func (f fields) sent(name string) bool {
	return f.body.Has(name) || f.query.Has(name)
}

// hasNull reports whether a name or value contains NUL.
func hasNull(values url.Values) bool {
	for name, texts := range values {
		if strings.ContainsRune(name, 0) || slices.ContainsFunc(texts, func(text string) bool { return strings.ContainsRune(text, 0) }) {
			return true
		}
	}
	return false
}
