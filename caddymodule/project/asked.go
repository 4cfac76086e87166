// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"errors"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// asked is what a project's source has responded so far, for operators and health checks.
type asked struct {
	responded atomic.Bool             // it has yielded a credential
	failing   atomic.Bool             // the source failed when it was last asked
	last      atomic.Pointer[Failure] // its last failure or refusal, even if it has responded since
}

// note records the result of asking the source. Access tokens are made for each upload, so a
// success only writes what changes: the processors would contend for the cache line.
func (a *asked) note(err error) {
	if err == nil {
		if !a.responded.Load() || a.failing.Load() {
			a.responded.Store(true)
			a.failing.Store(false)
		}
		return
	}
	a.last.Store(&Failure{At: time.Now().UTC().Truncate(time.Second), Kind: failureKind(err), Error: withoutCredentials(err.Error())})
	a.failing.Store(!errors.Is(err, source.ErrRefused))
}

// Failure is why a source has yielded no credential.
type Failure struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"` // refused, unreachable, timeout, expired, panicked, canceled or other
	Error string    `json:"error"`
}

// failureKind returns the kind of a source's error.
func failureKind(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, source.ErrRefused):
		return "refused"
	case errors.Is(err, source.ErrUnreachable):
		return "unreachable"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, token.ErrExpired):
		return "expired"
	case errors.Is(err, errSourcePanicked):
		return "panicked"
	case errors.Is(err, context.Canceled):
		return "canceled"
	default:
		return "other"
	}
}

// credentialShapes matches what may be a signature, a JWT, or a user's password in an
// address. The sources of this module quote none, but the error of a guest's may, and
// unlike a log, it is kept and shown to all who ask.
var credentialShapes = regexp.MustCompile(`[0-9A-Fa-f]{32,}|[\w-]{8,}\.[\w-]{8,}\.[\w-]{16,}|//[^/\s"]*@|[?][^\s"]*`)

// withoutCredentials returns an error's text without what may be a credential.
func withoutCredentials(text string) string {
	const longest = 300 // an error may quote a whole page
	text = credentialShapes.ReplaceAllString(text, redact.Mark)
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return text
}
