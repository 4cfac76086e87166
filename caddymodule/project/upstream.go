// SPDX-License-Identifier: Apache-2.0

package project

import "sync/atomic"

// UpstreamFailure is why an upload could not be sent, or got no response.
type UpstreamFailure struct {
	Failure // of the kinds that are reasons of [UpstreamError]

	// Upstream is the address, or empty if none was tried.
	Upstream string `json:"upstream,omitempty"`
}

// lastUpstreamFailure is that of all handlers: with several projects, that of an upload that
// could not be sent is not known.
var lastUpstreamFailure atomic.Pointer[UpstreamFailure]

// NoteUpstreamFailure records that an upload could not be sent, or got no response.
func NoteUpstreamFailure(upstream, reason string, cause error) {
	lastUpstreamFailure.Store(&UpstreamFailure{Failure: newFailure(reason, cause.Error()), Upstream: upstream})
}

// LastUpstreamFailure returns the last one since the process began, or nil.
func LastUpstreamFailure() *UpstreamFailure { return lastUpstreamFailure.Load() }
