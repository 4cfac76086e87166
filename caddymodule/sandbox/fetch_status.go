// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"sync"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// fetch is the state of a fetch: it waits, then it is in progress, then there is a file or a
// failure. The client polls it while a goroutine changes it.
type fetch struct {
	mu      sync.Mutex
	started bool
	// A pointer, for null: with 0, a client would show a fetch that is beyond its end.
	total   *int64 // the size in bytes; nil if the source does not say
	done    int64  // bytes received
	info    *fileInfo
	failure *uploadapi.Error
}

// The responses of /from_url/status/, by the value of `status`: "waiting" and "unknown",
// "progress", "success", "error".
//
// Source: https://uploadcare.com/api-refs/upload-api/

type statusResponse struct {
	Status string `json:"status"`
}

type progressResponse struct {
	Status string `json:"status"`
	Total  *int64 `json:"total"`
	Done   int64  `json:"done"`
}

type successResponse struct {
	Status string `json:"status"`
	*fileInfo
}

type failureResponse struct {
	Status    string `json:"status"`
	Error     string `json:"error"`
	ErrorCode string `json:"error_code"`
}

// report returns the response for the current state.
func (f *fetch) report() any {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.failure != nil:
		return failureResponse{"error", f.failure.Message, f.failure.Code}
	case f.info != nil:
		return successResponse{"success", f.info}
	case f.started:
		return progressResponse{"progress", f.total, f.done}
	default:
		// Also while it waits for a slot.
		return statusResponse{"waiting"}
	}
}

// start records that the source has responded. length is its Content-Length, or -1.
func (f *fetch) start(length int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = true
	if length >= 0 {
		f.total = &length
	}
}

// Write implements [io.Writer]. It counts bytes as they are stored.
func (f *fetch) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done += int64(len(p))
	return len(p), nil
}

// succeed records the file.
func (f *fetch) succeed(info *fileInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.info = info
}

// fail records the failure.
func (f *fetch) fail(failure *uploadapi.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failure = failure
}
