// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// partWriteFlag opens a file without truncating it: it has other parts already.
const partWriteFlag = os.O_WRONLY

// multipartPlan is what the client has announced of a file before its parts arrive.
type multipartPlan struct {
	filename, contentType string
	size, partSize        int64
	attrs                 attributes
}

// multipartUpload is a file that arrives in parts. It exists in memory only: after a
// restart, the sweep removes its file as every partial one.
type multipartUpload struct {
	multipartPlan
	file *partial
	// Not the UUID, which is public once the file is on a page.
	key string // the secret in the URLs of its parts

	mu        sync.Mutex
	parts     []partState
	completed bool
}

// partState is the state of one part.
type partState uint8

const (
	partMissing partState = iota
	partUnderWay
	partArrived
)

// span is the place of a part in its file.
type span struct{ offset, size int64 }

// startMultipart creates a file for an upload in parts. All its bytes count from now on,
// whether the parts arrive or not: otherwise several uploads could begin that do not fit
// together.
func (s *store) startMultipart(plan multipartPlan, limit int64) (*multipartUpload, error) {
	file, err := s.create(limit)
	if err != nil {
		return nil, err
	}
	if err := file.reserve(plan.size); err != nil {
		return nil, errors.Join(uploadapi.ErrAccountLimits, file.discard())
	}
	// Each part opens the file for itself, so that an abandoned upload holds no file
	// descriptor.
	err = file.file.Close()
	file.file = nil
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errStorage, err), file.discard())
	}
	count := (plan.size + plan.partSize - 1) / plan.partSize // rounded up: the last part may be shorter
	upload := &multipartUpload{multipartPlan: plan, file: file, key: rand.Text(), parts: make([]partState, count)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.multiparts == nil {
		s.multiparts = make(map[string]*multipartUpload)
	}
	s.multiparts[file.info.UUID] = upload
	return upload, nil
}

// multipart returns an upload that is under way, or nil.
func (s *store) multipart(id string) *multipartUpload {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.multiparts[id]
}

// begin claims a part, by its number from 1 on, and returns its place in the file. Two
// requests that wrote the same part at once would mix their bytes. Each successful begin
// must be followed by end.
func (u *multipartUpload) begin(number int) (span, *uploadapi.Error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	// A completed upload may be visible already, and must not change any more.
	if u.completed || number < 1 || number > len(u.parts) {
		return span{}, errPartUnknown
	}
	if u.parts[number-1] == partUnderWay {
		return span{}, errPartUnderWay
	}
	u.parts[number-1] = partUnderWay
	offset := int64(number-1) * u.partSize
	return span{offset, min(u.partSize, u.size-offset)}, nil
}

// end ends the claim of a part, and records whether the part has arrived.
func (u *multipartUpload) end(number int, arrived bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	// Also if it had arrived before: a retry that broke off has overwritten a part of it.
	u.parts[number-1] = partMissing
	if arrived {
		u.parts[number-1] = partArrived
	}
}

// complete marks the upload as completed if all parts have arrived.
func (u *multipartUpload) complete() *uploadapi.Error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.completed {
		return uploadapi.ErrMultipartUploaded
	}
	for _, state := range u.parts {
		if state != partArrived {
			return uploadapi.ErrMultipartPartsMissing
		}
	}
	// Under the lock, so that of two requests at once only one publishes the file.
	u.completed = true
	return nil
}

// completeMultipart publishes the file of a complete upload. id must have passed isID.
func (s *store) completeMultipart(id string) (*fileInfo, error) {
	upload := s.multipart(id)
	if upload == nil { // unknown, or published before: a client may repeat the request
		if _, err := s.readInfo(id); errors.Is(err, uploadapi.ErrFileNotFound) {
			return nil, uploadapi.ErrMultipartNotFound
		} else if err != nil {
			return nil, err
		}
		return nil, uploadapi.ErrMultipartUploaded
	}
	if refusal := upload.complete(); refusal != nil {
		return nil, refusal
	}
	err := upload.publish()
	if err != nil {
		err = errors.Join(err, upload.file.discard())
	}
	// Only now: until the file is visible, the UUID must not be unknown.
	s.mu.Lock()
	delete(s.multiparts, id)
	s.mu.Unlock()
	return upload.file.info, err
}

// publish examines and publishes the file.
func (u *multipartUpload) publish() error {
	// The parts have been written through descriptors of their own. This one is for
	// finish, which examines the whole.
	content, err := u.file.store.directory.Open(filepath.Join(u.file.directory, contentName))
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	u.file.file = content
	if err := u.file.finish(u.filename, u.contentType); err != nil {
		return err
	}
	return u.file.publish(u.attrs)
}
