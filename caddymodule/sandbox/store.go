// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// The layout of a root: `<uuid>/content` and `<uuid>/info.json` for an accepted file, the
// same two files below `.partial-<uuid>` for one that is under way, and one file for each
// group.
const (
	partialPrefix = ".partial-"
	contentName   = "content"
	infoName      = "info.json"
	// Uploads are of one user of the machine, and not for the others.
	directoryMode  = 0o700
	fileMode       = 0o600
	fileCreateFlag = os.O_RDWR | os.O_CREATE | os.O_EXCL
)

// stores has one store for each root, so that several handlers, and the old and the new
// configuration during a reload, count the same bytes.
var stores = caddy.NewUsagePool()

// acquireStore returns the store of a prepared root, with a reference to be released. Each
// request has one, so that the store is neither closed during an upload nor opened anew:
// its sweep would take the upload's partial file for a leftover of a crash.
func acquireStore(root string) (*store, error) {
	value, _, err := stores.LoadOrNew(root, func() (caddy.Destructor, error) { return openStore(root) })
	if err != nil {
		return nil, err
	}
	return value.(*store), nil
}

// releaseStore releases a reference. The last one closes the store.
func releaseStore(root string) error {
	_, err := stores.Delete(root)
	return err
}

// prepareRoot creates the directory and returns its absolute path without symbolic links,
// which is the key in stores: handlers may name the same directory differently.
func prepareRoot(root string) (string, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(root, directoryMode); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(root)
}

// store stores files below one directory and counts their bytes. [os.Root] keeps every
// path within the directory, whatever becomes of the checks before.
type store struct {
	directory *os.Root

	mu      sync.Mutex
	counted bool  // the first upload has counted what was there
	used    int64 // bytes of files and groups, including uploads under way

	multiparts map[string]*multipartUpload // by UUID
	fetches    recent[*fetch]              // by token
	claimed    map[string]bool             // UUIDs that clients chose for uploads under way
	sources    recent[string]              // UUIDs by the URL that they were fetched from
}

// openStore opens the directory, and does not change it.
func openStore(root string) (*store, error) {
	directory, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	return &store{directory: directory}, nil
}

// Destruct closes the directory. The pool calls it when the last reference is released.
func (s *store) Destruct() error {
	return s.directory.Close()
}

// sweep removes what a crash has left, and counts the bytes of the rest, once. It happens
// at the first upload and not when the store is opened: `caddy validate` opens it, too, and
// must not remove the uploads of a server that is running.
func (s *store) sweep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counted {
		return nil
	}
	// Under the lock, so that no upload begins before everything has been counted.
	entries, err := fs.ReadDir(s.directory.FS(), ".")
	if err != nil {
		return err
	}
	var used int64
	for _, entry := range entries {
		size, err := s.sweepEntry(entry.Name())
		if err != nil {
			return err
		}
		used += size
	}
	s.used, s.counted = used, true
	return nil
}

// sweepEntry removes a partial file, or returns the size of anything else that counts.
func (s *store) sweepEntry(name string) (int64, error) {
	if strings.HasPrefix(name, partialPrefix) {
		return 0, s.directory.RemoveAll(name)
	}
	counted := name
	switch {
	case isID(name):
		counted = filepath.Join(name, contentName)
	// Something that a user has put there: neither counted nor touched.
	case !isGroupFile(name):
		return 0, nil
	}
	content, err := s.directory.Stat(counted)
	if errors.Is(err, fs.ErrNotExist) { // a user has removed it, or removes it just now
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return content.Size(), nil
}

// reserve adds size to the bytes used, unless the total would exceed limit.
func (s *store) reserve(size, limit int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size > limit-s.used { // not s.used+size > limit, which could overflow
		return false
	}
	s.used += size
	return true
}

// unreserve subtracts what reserve has added.
func (s *store) unreserve(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= size
}

// readInfo returns the description of an accepted file. id must have passed isID. The error
// is [uploadapi.ErrFileNotFound] if there is no such file.
func (s *store) readInfo(id string) (*fileInfo, error) {
	encoded, err := s.directory.ReadFile(filepath.Join(id, infoName))
	if err != nil {
		return nil, storedError(err)
	}
	info := new(fileInfo)
	if err := json.Unmarshal(encoded, info); err != nil {
		return nil, fmt.Errorf("%w: %s of %s: %w", errStorage, infoName, id, err)
	}
	return info, nil
}

// openContent opens the bytes of an accepted file, and returns when it was written. id must
// have passed isID.
func (s *store) openContent(id string) (*os.File, time.Time, error) {
	content, err := s.directory.Open(filepath.Join(id, contentName))
	if err != nil {
		return nil, time.Time{}, storedError(err)
	}
	stat, err := content.Stat()
	if err != nil {
		return nil, time.Time{}, errors.Join(storedError(err), content.Close())
	}
	return content, stat.ModTime(), nil
}

// storedError returns the error of a request for a file that could not be read.
func storedError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return uploadapi.ErrFileNotFound
	}
	return fmt.Errorf("%w: %w", errStorage, err)
}

// isID reports whether text is a UUID in the form in which the sandbox returns it. Only a
// text that has passed becomes part of a path, so that `..` or a slash cannot.
func isID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}
