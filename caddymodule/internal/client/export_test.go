// SPDX-License-Identifier: Apache-2.0

package client

import "net/http"

const (
	InterruptAcceptedAfter = interruptAcceptedAfter
	InterruptAfter         = interruptAfter
	ResponseBeginWait      = responseBeginWait
	ResponseEndWait        = responseEndWait
	MaxSendWait            = maxSendWait
)

// IsTimeout reports whether an error is one.
func IsTimeout(err error) bool { return isTimeout(err) }

// Supports reports whether the client sends a request itself.
func (c *Client) Supports(r *http.Request) bool { return c.supports(r) }
