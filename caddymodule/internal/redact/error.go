// SPDX-License-Identifier: Apache-2.0

package redact

import "net"

// Error returns an error like err whose text does not show the credential, or err
// itself if its text does not. [errors.Is] and [errors.As] see err in it, so the
// text of a cause that is unwrapped is not redacted.
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

// redactedError is an error with a redacted text.
type redactedError struct {
	error
	text string
}

// Error implements error.
func (e *redactedError) Error() string { return e.text }

// Unwrap returns the error whose text has been redacted.
func (e *redactedError) Unwrap() error { return e.error }

// Timeout implements [net.Error]. Caddy's proxy makes a 504 of a timeout, and asks
// the error itself: it does not unwrap.
func (e *redactedError) Timeout() bool {
	timeout, ok := e.error.(net.Error) //nolint:errorlint // as the proxy does
	return ok && timeout.Timeout()
}

// Temporary implements [net.Error]. It is deprecated, but part of the interface.
func (e *redactedError) Temporary() bool {
	temporary, ok := e.error.(interface{ Temporary() bool }) //nolint:errorlint // the same
	return ok && temporary.Temporary()
}

// Interface guard
var _ net.Error = (*redactedError)(nil)
