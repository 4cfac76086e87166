// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// A group is stored as a file in the root, `group-<uuid>~<n>.json`.
const (
	groupPrefix = "group-"
	groupSuffix = ".json"
)

// group is the stored form of a group. The descriptions of its files are not stored with it,
// but read from the files.
type group struct {
	ID      string        `json:"id"`
	Created time.Time     `json:"created"`
	Members []groupMember `json:"members"`
}

// addGroup stores a group. Its bytes count, or groups could fill the disk.
func (s *store) addGroup(g *group, limit int64) error {
	// The first group may come before the first file after a start.
	if err := s.sweep(); err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	encoded, err := json.Marshal(g)
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	size := int64(len(encoded))
	if !s.reserve(size, limit) {
		return uploadapi.ErrAccountLimits
	}
	// Written under a name that the sweep removes, and then renamed, as files are.
	partial := partialPrefix + uuid.NewString()
	err = s.directory.WriteFile(partial, encoded, fileMode)
	if err == nil {
		err = s.directory.Rename(partial, groupName(g.ID))
	}
	if err == nil {
		return nil
	}
	// What cannot be removed stays counted, for it is still on the disk.
	if removed := s.directory.RemoveAll(partial); removed == nil {
		s.unreserve(size)
	}
	return fmt.Errorf("%w: %w", errStorage, err)
}

// readGroup returns a group by its ID, which may be any text that a client sends.
func (s *store) readGroup(id string) (*group, error) {
	// Before it becomes part of a path.
	if !isGroupID(id) {
		return nil, uploadapi.ErrGroupNotFound
	}
	encoded, err := s.directory.ReadFile(groupName(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, uploadapi.ErrGroupNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStorage, err)
	}
	found := new(group)
	if err := json.Unmarshal(encoded, found); err != nil {
		return nil, fmt.Errorf("%w: group %s: %w", errStorage, id, err)
	}
	return found, nil
}

// groupName returns the name of a group's file. id must have passed isGroupID.
func groupName(id string) string { return groupPrefix + id + groupSuffix }

// isGroupID reports whether text is `<uuid>~<n>` as addGroup writes it.
func isGroupID(text string) bool {
	id, count, _ := strings.Cut(text, "~")
	number, err := strconv.Atoi(count)
	// Atoi also takes `+2` and `02`, which would be other names for a group, and of files
	// that the sweep does not know.
	return isID(id) && err == nil && strconv.Itoa(number) == count
}

// isGroupFile reports whether name is that of a group's file.
func isGroupFile(name string) bool {
	id, isGroup := strings.CutPrefix(name, groupPrefix)
	id, isJSON := strings.CutSuffix(id, groupSuffix)
	return isGroup && isJSON && isGroupID(id)
}
