// SPDX-License-Identifier: Apache-2.0

package client

import "net/http"

const (
	InterruptAcceptedAfter = interruptAcceptedAfter
	InterruptAfter         = interruptAfter
	LastResponseWait       = lastResponseWait
	LateResponseWait       = lateResponseWait
	MaxSendWait            = maxSendWait
)

// IsTimeout reports whether an error is one.
func IsTimeout(err error) bool { return isTimeout(err) }

// Takes reports whether the client sends a request itself.
func (c *Client) Takes(r *http.Request) bool { return c.takes(r) }
