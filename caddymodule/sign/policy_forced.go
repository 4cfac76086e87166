// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"fmt"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/form"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/policy"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// fillerName is the name of a field that makes a form as long as was promised, and its
// value is made of it. It means nothing to the service, as the name of a crossed-out field.
const fillerName = "x"

// forcedOf returns what a project's policy puts into the upload.
func (a *attempt) forcedOf(chosen *project.Project) project.Forced {
	for _, forced := range a.forced {
		if forced.Project == chosen {
			return forced
		}
	}
	return project.Forced{Project: chosen}
}

// checkForced returns an error if forced fields cannot be put in. A value may come from the
// client, and the client chooses the boundary: with a delimiter in it, the value would be
// further parts of the form. The client chooses the charset, too: by another than UTF-8, a
// server would read another value.
func (a *attempt) checkForced(forced project.Forced) error {
	if forced.Err != nil {
		return forced.Err
	}
	for _, field := range forced.Fields {
		switch {
		case a.boundary != "" && form.HoldsDelimiter(a.boundary, field.Value):
			return fmt.Errorf("%s: the form's delimiter is in its value: %w", field.Name, policy.ErrMetadata)
		case a.foreign && !form.IsPlain(field.Value):
			return fmt.Errorf("%s: its value is another in a charset other than UTF-8: %w", field.Name, policy.ErrMetadata)
		}
	}
	return nil
}

// mindsCharset reports whether a charset matters: to forced values, or to those that a policy
// judges.
func (a *attempt) mindsCharset() bool {
	return len(a.forced) > 0 || a.sign.policies.judged[a.endpoint] != nil
}

// findCharset looks for a charset in a query string or urlencoded body that has one as a
// field. It returns an error if the upload cannot be for it.
func (a *attempt) findCharset(params string) error {
	if !a.mindsCharset() || a.foreign || !form.HasForeignCharset(params) {
		return nil
	}
	return a.foundForeign()
}

// foundForeign notes a charset other than UTF-8. A project that becomes known later is held
// against it then.
func (a *attempt) foundForeign() error {
	a.foreign = true
	if err := a.judge.Foreign(); err != nil {
		return err
	}
	return a.checkKnownForced()
}

// checkKnownForced is checkForced before the body is read, of the project if it is known by
// then, or else of each that it may be: if none can have its fields, or may have the upload,
// no byte leaves.
func (a *attempt) checkKnownForced() error {
	if a.project != nil {
		return a.checkForced(a.forcedOf(a.project))
	}
	for _, forced := range a.forced {
		if err := a.checkForced(forced); err != nil {
			a.judge.Forbid(forced.Project.Rules(), err)
		}
	}
	return a.judge.Err()
}

// freshLength returns by how many bytes a form becomes longer. It must be known before
// there is a credential, or even a project, for the Content-Length leaves first. A
// credential's values have fixed lengths. Forced fields count as in the project where they
// are longest; in any other, a field without a meaning fills the difference.
func (a *attempt) freshLength() int {
	longest, differ := 0, len(a.forced) < len(a.sign.policies.rules) // some force none
	for i, forced := range a.forced {
		length := fieldsLength(a.boundary, forced.Fields)
		differ = differ || i > 0 && length != longest
		longest = max(longest, length)
	}
	if a.fills = differ && longest > 0; a.fills {
		longest += form.EncodedLength(a.boundary, fillerName, 0)
	}
	return longest + a.credentialLength()
}

// freshFields returns the fields to add to a form: forced ones, the credential, and what
// makes them as long as was promised.
func (a *attempt) freshFields() ([]form.Field, error) {
	fields, err := a.fresh()
	if err != nil || !a.fills {
		return fields, err
	}
	// Less room than an empty field takes means that the credential has a wrong length,
	// which the editor finds.
	room := a.promised - fieldsLength(a.boundary, fields) - form.EncodedLength(a.boundary, fillerName, 0)
	if room >= 0 {
		fields = append(fields, form.Field{Name: fillerName, Value: strings.Repeat(fillerName, room)})
	}
	return fields, nil
}

// fieldsLength returns how many bytes fields add to a form.
func fieldsLength(boundary string, fields []form.Field) (length int) {
	for _, field := range fields {
		length += form.EncodedLength(boundary, field.Name, len(field.Value))
	}
	return length
}
