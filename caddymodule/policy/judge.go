// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"errors"
	"slices"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// MaxFieldSize is the length of the longest value of a watched field of a multipart form, in
// bytes; a form with a longer one is refused. Addresses are the longest values, and those that
// storage services sign have up to 2 KiB.
const MaxFieldSize = 16 << 10

// Judge judges one upload by the rules of every project that it may belong to. It belongs
// to one goroutine. All its methods may be called on a nil Judge, which forbids nothing.
//
// An upload is refused as soon as each candidate forbids it: at once if there is but one.
// What only some candidates forbid is kept until Choose says to which of them the upload
// belongs. Of each, the first violation is kept; so the memory of a Judge grows with the
// number of candidates, and not with the form.
//
// Errors are [*uploadapi.Error], wrapped with a cause for the operator.
type Judge struct {
	endpoint   *uploadapi.SignedEndpoint
	candidates []candidate
	single     [1]candidate // room for them, where there is but one project

	files   int      // so far
	part    openPart // of a form with files
	claims  claims   // of the open part; or of the file whose parts or bytes go elsewhere
	sourced bool     // an address to fetch from was seen
	path    claims   // what such addresses say of the file
	idn     bool     // one of them has a host beyond ASCII
	foreign bool     // some server may decode values by a charset other than UTF-8
}

// candidate is a project to which the upload may belong.
type candidate struct {
	rules     *Rules
	violation error // the first
}

// errNoCandidate is an error of the program: an upload must not pass unjudged.
var errNoCandidate = errors.New("the rules chosen are not among the candidates")

// NewJudge returns a judge of an upload to an endpoint, or nil if no candidate has a rule.
// Nil candidates are projects without rules. Err says whether the endpoint itself is
// forbidden.
func NewJudge(endpoint *uploadapi.SignedEndpoint, candidates []*Rules) *Judge {
	if !slices.ContainsFunc(candidates, func(r *Rules) bool { return r != nil }) {
		return nil
	}
	j := &Judge{endpoint: endpoint}
	j.candidates = j.single[:0]
	for _, rules := range candidates {
		j.candidates = append(j.candidates, candidate{rules: rules})
	}
	// Not returned: what some candidates forbid may be another's upload. Err has it.
	_ = j.each(func(r *Rules) error { return r.judgeEndpoint(endpoint) })
	return j
}

// each judges by the rules of each candidate that has not forbidden the upload yet. Only
// the first violation of each is kept, so that is the one that the log shows.
func (j *Judge) each(judge func(*Rules) error) error {
	for i := range j.candidates {
		if c := &j.candidates[i]; c.rules != nil && c.violation == nil {
			c.violation = judge(c.rules)
		}
	}
	return j.Err()
}

// any reports whether a candidate that has not forbidden the upload has such rules.
func (j *Judge) any(has func(*Rules) bool) bool {
	return slices.ContainsFunc(j.candidates, func(c candidate) bool { return c.rules != nil && c.violation == nil && has(c.rules) })
}

// Err returns the refusal that is already certain: each candidate forbids the upload.
func (j *Judge) Err() error {
	if j == nil || slices.ContainsFunc(j.candidates, func(c candidate) bool { return c.violation == nil }) {
		return nil
	}
	return j.candidates[0].violation
}

// Forbid notes a reason outside the judge for which a candidate cannot have the upload.
func (j *Judge) Forbid(rules *Rules, reason error) {
	if j == nil {
		return
	}
	for i := range j.candidates {
		if c := &j.candidates[i]; c.rules == rules && c.violation == nil {
			c.violation = reason
		}
	}
}

// Choose says to which of the candidates the upload belongs. It returns what they forbid
// of the upload so far. From then on they alone count.
func (j *Judge) Choose(rules *Rules) error {
	if j == nil {
		return nil
	}
	chosen := slices.IndexFunc(j.candidates, func(c candidate) bool { return c.rules == rules })
	if chosen < 0 {
		return errNoCandidate
	}
	j.candidates = j.candidates[chosen : chosen+1]
	return j.Err()
}

// Length judges the declared length of the body, before any of it has been read. A
// negative one is unknown.
func (j *Judge) Length(contentLength int64) error {
	if j == nil || !j.hasFiles() {
		return nil
	}
	return j.each(func(r *Rules) error { return r.judgeLength(contentLength) })
}

// hasFiles reports whether files pass in the endpoint's forms.
func (j *Judge) hasFiles() bool {
	return j.endpoint.Path == uploadapi.Base || j.endpoint.Path == uploadapi.Iframe
}

// Watched returns the names of the fields whose values Field wants to see, in body and
// query; nil if there are none.
func (j *Judge) Watched() []string {
	if j == nil {
		return nil
	}
	types := j.any(func(r *Rules) bool { return r.types != nil })
	var names []string
	switch j.endpoint.Path {
	case uploadapi.MultipartStart:
		if j.any(func(r *Rules) bool { return r.maxFileSize > 0 }) {
			names = append(names, uploadapi.FieldSize)
		}
		if types {
			names = append(names, uploadapi.FieldFileName, uploadapi.FieldContentType)
		}
	case uploadapi.FromURL:
		if types || j.any(func(r *Rules) bool { return r.sources != nil }) {
			names = append(names, uploadapi.ParamSourceURL)
		}
		if types {
			names = append(names, uploadapi.FieldFileName)
		}
	}
	return names
}

// Field judges the value of a watched field.
func (j *Judge) Field(name, value string) error {
	if j == nil {
		return nil
	}
	switch name {
	case uploadapi.FieldSize:
		return j.each(func(r *Rules) error { return r.judgeSize(value) })
	case uploadapi.FieldFileName:
		j.claims.name(value)
	case uploadapi.FieldContentType:
		j.claims.declare(value)
	case uploadapi.ParamSourceURL:
		// Forms have empty fields; nothing is fetched from them. The service refuses an
		// upload that has no other.
		if value == "" {
			return nil
		}
		j.sourced = true
		parsed, err := parseSource(value)
		// For types it matters also where any address may be fetched.
		if err != nil {
			j.path.doubt = "an address: " + err.Error()
		}
		j.path.nameOf(parsed)
		if parsed.foreign {
			if j.idn = true; j.foreign {
				err = errForeign
			}
		}
		return j.each(func(r *Rules) error { return r.judgeSource(parsed, err) })
	}
	return nil
}

// Foreign says that some server may decode values by a charset other than UTF-8, those that
// were judged before too: another host may be read where one is written beyond ASCII.
func (j *Judge) Foreign() error {
	if j == nil {
		return nil
	}
	if j.foreign = true; !j.idn {
		return nil
	}
	return j.each(func(r *Rules) error { return r.judgeSource(source{}, errForeign) })
}

// Finish judges what can be judged only when all of the upload was read. It must be
// called before the end of the upload is passed on.
func (j *Judge) Finish() error {
	switch {
	case j == nil:
		return nil
	// Declared type and name are judged together, in whichever order they came: one of
	// them may be what allows the other. Without an address nothing is fetched.
	case j.endpoint.Path == uploadapi.FromURL && j.sourced:
		j.claims.follow(&j.path)
	case j.endpoint.Path != uploadapi.MultipartStart:
		return j.Err()
	}
	return j.each(func(r *Rules) error { return r.judgeDescribed(&j.claims) })
}

// Interface guard
var _ form.Observer = (*Judge)(nil)
