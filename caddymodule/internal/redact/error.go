// SPDX-License-Identifier: Apache-2.0

package redact

import "net"

// Error returns err with a text that does not quote the credential; err itself
// if it does not.
func (c *Credential) Error(err error) error {
	if err == nil || c == nil {
		return err
	}
	text := err.Error()
	if redacted := c.Text(text); redacted != text {
		return &redactedError{text: redacted, error: err}
	}
	return err
}

// redactedError is an error with another text.
type redactedError struct {
	error
	text string
}

// Error implements error.
func (e *redactedError) Error() string { return e.text }

// Unwrap returns the error whose text is another.
func (e *redactedError) Unwrap() error { return e.error }

// Timeout implements [net.Error], of which Caddy's proxy makes a status, and for
// which it does not look below.
func (e *redactedError) Timeout() bool {
	timeout, ok := e.error.(net.Error) //nolint:errorlint // as the proxy does
	return ok && timeout.Timeout()
}

// Temporary implements [net.Error].
func (e *redactedError) Temporary() bool {
	temporary, ok := e.error.(interface{ Temporary() bool }) //nolint:errorlint // the same
	return ok && temporary.Temporary()
}

// Interface guard
var _ net.Error = (*redactedError)(nil)
