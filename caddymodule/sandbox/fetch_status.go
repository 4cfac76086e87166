// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"sync"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// fetch is a file on its way from elsewhere: waiting, then in progress, then
// either a file or a failure.
type fetch struct {
	mu      sync.Mutex
	started bool
	total   *int64 // unless the source does not say
	done    int64
	info    *fileInfo
	failure *uploadapi.Error
}

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

// report tells where the fetch stands.
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
		return statusResponse{"waiting"}
	}
}

func (f *fetch) start(length int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.started = true
	if length >= 0 {
		f.total = &length
	}
}

// Write counts bytes.
func (f *fetch) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done += int64(len(p))
	return len(p), nil
}

func (f *fetch) succeed(info *fileInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.info = info
}

func (f *fetch) fail(failure *uploadapi.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failure = failure
}
