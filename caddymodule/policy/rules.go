// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Rules are a policy that has been checked. They are immutable and safe for concurrent
// use. Nil Rules forbid nothing.
type Rules struct{}

// Compile checks the policy. Its errors name the option, the value and the remedy. A nil
// or empty policy compiles to nil.
func (p *Policy) Compile() (*Rules, error) { return nil, nil }

// String returns the rules in short, for a line in the log. It names the keys of metadata
// and not their values.
func (r *Rules) String() string { return "" }

// Forced returns the names of the fields that clients may not set: those that Fields
// returns, at whichever endpoint.
func (r *Rules) Forced() []string { return nil }

// Fields returns the forced fields of an upload to an endpoint, none where the endpoint
// takes none. resolve replaces the placeholders of a value. A field whose value is empty
// is left out.
func (r *Rules) Fields(endpoint *uploadapi.SignedEndpoint, resolve func(string) string) ([]form.Field, error) {
	return nil, nil
}
