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
	// errStorage marks what the disk did, as against what the client did.
	errStorage = errors.New("sandbox storage")
	// errStorageFull ends a file that does not fit below the storage limit.
	errStorageFull = errors.New("storage limit is reached")
)

// partial is a file on its way in: invisible until it is published.
type partial struct {
	store *store
	limit int64

	field     string   // the name of its form field
	directory string   // where it is now
	file      *os.File // nil once its bytes are complete
	size      int64    // bytes counted in the store
	info      *fileInfo
}

// create makes room for a new file. limit is for all files together; it comes
// with each upload since handlers that share a store may differ in it.
func (s *store) create(limit int64) (*partial, error) {
	if err := s.sweep(); err != nil {
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

// reserve counts bytes before they are stored, so that uploads side by side
// cannot pass the limit together.
func (p *partial) reserve(size int64) error {
	if !p.store.reserve(size, p.limit) {
		return errStorageFull
	}
	p.size += size
	return nil
}

func (p *partial) Write(b []byte) (int, error) {
	if err := p.reserve(int64(len(b))); err != nil {
		return 0, err
	}
	n, err := p.file.Write(b)
	if err != nil {
		return n, fmt.Errorf("%w: %w", errStorage, err)
	}
	return n, nil
}

// finish closes the file, whose bytes are complete, having looked at them. What
// the client calls the file and its type may be empty or make no sense.
func (p *partial) finish(filename, contentType string) error {
	err := p.info.describe(p.file, p.size, filename, contentType)
	err = errors.Join(err, p.file.Close())
	p.file = nil
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	return nil
}

// publish makes the file visible in one step.
func (p *partial) publish(said remarks) error {
	p.info.Metadata, p.info.IsStored = said.metadata, said.stored
	encoded, err := json.Marshal(p.info)
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	if err := p.store.directory.WriteFile(filepath.Join(p.directory, infoName), encoded, fileMode); err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	if err := p.store.directory.Rename(p.directory, p.info.UUID); err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	p.directory = p.info.UUID
	return nil
}

// discard removes the file and gives its bytes back. Bytes that cannot be
// removed stay counted: they are still on the disk.
func (p *partial) discard() error {
	var failed error
	if p.file != nil {
		failed = p.file.Close()
		p.file = nil
	}
	if err := p.store.directory.RemoveAll(p.directory); err != nil {
		return fmt.Errorf("%w: %w", errStorage, errors.Join(failed, err))
	}
	p.store.giveBack(p.size)
	p.size = 0
	return failed
}
