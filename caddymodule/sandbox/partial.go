// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

var (
	// errStorage marks errors of the disk, for which the client is not to blame: they
	// are logged and become a 500.
	errStorage = errors.New("sandbox storage")
	// errStorageFull means that a file does not fit within the storage limit.
	errStorageFull = errors.New("storage limit is reached")
)

// partial is a file that is being uploaded. It is invisible until it is published.
type partial struct {
	store *store
	limit int64 // of all files in the store together, in bytes

	field     string   // the name of its form field
	directory string   // the current one: partial, and then published
	file      *os.File // nil once its bytes are complete
	size      int64    // bytes that are counted in the store
	info      *fileInfo
}

// create creates a partial file. limit is for all files together; it is a parameter, since
// handlers that share a store may have different limits.
func (s *store) create(limit int64) (*partial, error) {
	if err := s.sweep(); err != nil { // before the new file, which it would remove
		return nil, fmt.Errorf("%w: %w", errStorage, err)
	}
	id := uuid.NewString()
	p := &partial{store: s, limit: limit, directory: partialPrefix + id, info: &fileInfo{UUID: id, FileID: id}}
	if err := s.directory.Mkdir(p.directory, directoryMode); err != nil {
		return nil, fmt.Errorf("%w: %w", errStorage, err)
	}
	file, err := s.directory.OpenFile(filepath.Join(p.directory, contentName), fileCreateFlag, fileMode)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errStorage, err), p.discard())
	}
	p.file = file
	return p, nil
}

// reserve counts bytes before they are written, so that concurrent uploads cannot exceed
// the limit together.
func (p *partial) reserve(size int64) error {
	if !p.store.reserve(size, p.limit) {
		return errStorageFull
	}
	p.size += size
	return nil
}

// Write implements [io.Writer]. Its errors are errStorageFull and errStorage.
func (p *partial) Write(b []byte) (int, error) {
	// What is then not written is subtracted by discard, with the rest.
	if err := p.reserve(int64(len(b))); err != nil {
		return 0, err
	}
	n, err := p.file.Write(b)
	if err != nil {
		return n, fmt.Errorf("%w: %w", errStorage, err)
	}
	return n, nil
}

// finish examines the complete file and closes it. The name and type are what the client
// sent: they may be empty or invalid.
func (p *partial) finish(filename, contentType string) error {
	err := p.info.describe(p.file, p.size, filename, contentType)
	err = errors.Join(err, p.file.Close())
	p.file = nil
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	return nil
}

// publish makes the file visible in one step, by renaming its directory: a crash leaves all
// of a file or nothing.
func (p *partial) publish(attrs attributes) error {
	p.info.Metadata, p.info.IsStored = attrs.metadata, attrs.stored
	encoded, err := json.Marshal(p.info)
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	// The description first: what is visible must be complete.
	if err := p.store.directory.WriteFile(filepath.Join(p.directory, infoName), encoded, fileMode); err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	// It fails if the UUID is taken, since that directory is not empty. So no file
	// replaces another.
	if err := p.store.directory.Rename(p.directory, p.info.UUID); err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	p.directory = p.info.UUID
	return nil
}

// discard removes the file and subtracts its bytes from the store's total. Bytes that
// cannot be removed stay counted, for they are still on the disk.
func (p *partial) discard() error {
	var failed error
	if p.file != nil { // open files cannot be removed on Windows
		failed = p.file.Close()
		p.file = nil
	}
	if err := p.store.directory.RemoveAll(p.directory); err != nil {
		return fmt.Errorf("%w: %w", errStorage, errors.Join(failed, err))
	}
	p.store.unreserve(p.size)
	p.size = 0
	return failed
}
