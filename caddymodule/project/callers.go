// SPDX-License-Identifier: Apache-2.0

package project

import (
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/option"
)

// Values of [Project.Callers].
const (
	CallersChecked = "checked"
	CallersAnyone  = "anyone"
)

// isCallers reports whether a word is a value of the option: JSON can say any.
func isCallers(word string) bool { return word == CallersChecked || word == CallersAnyone }

// unmarshalCallers parses `callers checked|anyone`. A third word would pass for a decision that
// was not made.
func (p *Project) unmarshalCallers(d *caddyfile.Dispenser) error {
	if p.Callers != "" {
		return d.Errf("callers already specified")
	}
	if !d.AllArgs(&p.Callers) || !isCallers(p.Callers) {
		return d.Errf("callers takes one argument, %s if something before the gateway decides who may upload, or %s", CallersChecked, CallersAnyone)
	}
	return option.NoBlock(d, "callers")
}

// LogCallers logs, for each project, who may have the handler do its work. What stands in
// front of the handler is not known here. If nothing does, the handler undoes Secure
// Uploading; so the line is a warning until the operator or the source has decided.
func (s *Set) LogCallers(work string) {
	for _, project := range s.all {
		project.logCallers(work)
	}
}

// logCallers logs the line of one project, with what an operator needs to judge it.
func (p *Project) logCallers(message string) {
	level := zapcore.InfoLevel
	if p.Callers == "" && p.perRequest == nil {
		level = zapcore.WarnLevel
		message = "anybody who reaches the site may upload to the project: put something before the gateway that decides who may, " +
			"such as basic_auth or forward_auth, and write `callers checked`; or write `callers anyone`, if that is meant"
	}
	if check := p.logger.Check(level, message); check != nil {
		check.Write(zap.String("source", sourceName(p.source)), zap.String("scheme", p.Scheme),
			zap.String("callers", p.callers()), zap.Stringer("policy", p.rules))
	}
}

// callers returns who may upload, for logs and the admin API.
func (p *Project) callers() string {
	switch {
	case p.Callers != "":
		return p.Callers
	case p.perRequest != nil:
		return "the " + sourceName(p.source) + " decides for each"
	default:
		return "not said"
	}
}

// HasPolicy reports whether rules on what may be uploaded apply to a client's public key.
func (s *Set) HasPolicy(publicKey string) bool {
	project := s.Of(publicKey)
	return project != nil && project.HasPolicy()
}
