// SPDX-License-Identifier: Apache-2.0

package policy

import "github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"

// Judge judges one upload by the rules of every project that it may belong to. It belongs
// to one goroutine. All its methods may be called on a nil Judge, which forbids nothing.
//
// An upload is refused as soon as each candidate forbids it: at once if there is but one.
// What only some candidates forbid is kept until Choose says to which of them the upload
// belongs.
//
// Errors are [*uploadapi.Error], wrapped with a cause for the operator.
type Judge struct{}

// NewJudge returns a judge of an upload to an endpoint, or nil if no candidate has a rule.
// Nil candidates are projects without rules. Err says whether the endpoint itself is
// forbidden.
func NewJudge(endpoint *uploadapi.SignedEndpoint, candidates []*Rules) *Judge { return nil }

// Err returns the refusal that is already certain.
func (j *Judge) Err() error { return nil }

// Choose says to which of the candidates the upload belongs. It returns what they forbid
// of the upload so far. From then on they alone count.
func (j *Judge) Choose(rules *Rules) error { return nil }

// Length judges the declared length of the body, before any of it has been read. A
// negative one is unknown.
func (j *Judge) Length(contentLength int64) error { return nil }

// Watched returns the names of the fields whose values Field wants to see, in body and
// query; nil if there are none.
func (j *Judge) Watched() []string { return nil }

// Field judges the value of a watched field.
func (j *Judge) Field(name, value string) error { return nil }

// Observes reports whether the judge must see the parts of the form, as its Observer.
func (j *Judge) Observes() bool { return false }

// Finish judges what can be judged only when all of the upload was read. It must be
// called before the end of the upload is passed on.
func (j *Judge) Finish() error { return nil }
