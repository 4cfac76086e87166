// SPDX-License-Identifier: Apache-2.0

package project

import (
	"context"
	"errors"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/redact"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/reminder"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// asked is what a project's source has responded so far, for the log, metrics, status and
// readiness.
type asked struct {
	granted  atomic.Bool             // it has yielded a credential
	failures atomic.Int64            // how often it has failed since it last responded
	last     atomic.Pointer[Failure] // its last failure or refusal, even if it has responded since

	logged atomic.Bool // the log has said that it fails, since it last responded
	// While no token is left the source is asked every few seconds, and each failure would be a line.
	reminder reminder.Reminder
}

// fails reports whether the source failed when it was last asked. A refusal is a response.
func (a *asked) fails() bool { return a.failures.Load() > 0 }

// note records the result of asking the source, and returns how often it had failed before, if
// that has ended. Access tokens are made for each upload, so a success only writes what
// changes: the processors would contend for the cache line.
func (a *asked) note(err error) (ended int64) {
	if err != nil {
		last := newFailure(failureKind(err), err.Error())
		a.last.Store(&last)
	} else if !a.granted.Load() {
		a.granted.Store(true)
	}
	switch {
	case err != nil && !errors.Is(err, source.ErrRefused):
		a.failures.Add(1)
	case a.fails():
		ended = a.failures.Swap(0)
	}
	return ended
}

// Failure is why a source has yielded no credential, the service has rejected one, or an upload
// got no response.
type Failure struct {
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"` // of a source: refused, unreachable, timeout, expired, panicked, canceled or other
	Error string    `json:"error"`
}

// newFailure returns a failure of now.
func newFailure(kind, text string) Failure {
	return Failure{At: time.Now().UTC().Truncate(time.Second), Kind: kind, Error: withoutCredentials(text)}
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
	case errors.Is(err, token.ErrExpired), errors.Is(err, source.ErrStaticExpired):
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
