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

// How a root is laid out: `<uuid>/content` and `<uuid>/info.json` for what was
// accepted, the same two files below `.partial-<uuid>` for what is under way,
// and one file for each group.
const (
	partialPrefix  = ".partial-"
	contentName    = "content"
	infoName       = "info.json"
	directoryMode  = 0o700
	fileMode       = 0o600
	fileCreateFlag = os.O_RDWR | os.O_CREATE | os.O_EXCL
)

// stores keeps one store per root, so that two handlers, and the two sides of
// a reload, count the same bytes.
var stores = caddy.NewUsagePool()

// acquireStore takes a hold on the store of a prepared root. Each request has
// its own: a store is never closed under an upload, nor opened anew, which
// would take the upload's file for the leftover of a crash.
func acquireStore(root string) (*store, error) {
	value, _, err := stores.LoadOrNew(root, func() (caddy.Destructor, error) { return openStore(root) })
	if err != nil {
		return nil, err
	}
	return value.(*store), nil
}

func releaseStore(root string) error {
	_, err := stores.Delete(root)
	return err
}

// prepareRoot makes the directory and returns its one true name, by which
// handlers find each other.
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

// store keeps files below one directory and counts their bytes.
type store struct {
	directory *os.Root

	mu      sync.Mutex
	counted bool
	used    int64 // bytes of content and groups, uploads under way included

	multiparts map[string]*multipartUpload
	fetches    recent[*fetch]  // by token
	claimed    map[string]bool // uuids that clients chose, until their files are there
	sources    recent[string]  // uuids by the URL they were fetched from
}

func openStore(root string) (*store, error) {
	directory, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	return &store{directory: directory}, nil
}

// Destruct closes the directory. The pool calls it when the last hold is gone.
func (s *store) Destruct() error {
	return s.directory.Close()
}

// sweep removes what a crash left behind and counts what is there. It waits
// for the first upload, because `caddy validate` opens stores too: it must not
// touch the uploads of the server that runs beside it.
func (s *store) sweep() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counted {
		return nil
	}
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

func (s *store) sweepEntry(name string) (int64, error) {
	if strings.HasPrefix(name, partialPrefix) {
		return 0, s.directory.RemoveAll(name)
	}
	counted := name
	switch {
	case isID(name):
		counted = filepath.Join(name, contentName)
	case !isGroupFile(name):
		return 0, nil
	}
	content, err := s.directory.Stat(counted)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return content.Size(), nil
}

// reserve counts size more bytes unless the total would pass the limit.
func (s *store) reserve(size, limit int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size > limit-s.used {
		return false
	}
	s.used += size
	return true
}

func (s *store) giveBack(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= size
}

// readInfo returns what is known of an accepted file. id must be an isID.
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

// openContent opens an accepted file's bytes. id must be an isID.
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

func storedError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return uploadapi.ErrFileNotFound
	}
	return fmt.Errorf("%w: %w", errStorage, err)
}

// isID reports whether text is a uuid in the one form in which the sandbox
// gives them out. Only such a text ever becomes part of a path.
func isID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id.String() == text
}
