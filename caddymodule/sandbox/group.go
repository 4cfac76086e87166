// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// datetimeFormat is the service's format: ISO 8601 in UTC, with microseconds.
const datetimeFormat = "2006-01-02T15:04:05.000000Z"

// groupInfo is the service's description of a group.
//
// Source: schema groupInfo of https://uploadcare.com/api-refs/upload-api/
type groupInfo struct {
	ID              string       `json:"id"`
	DatetimeCreated string       `json:"datetime_created"`
	DatetimeStored  *string      `json:"datetime_stored"` // deprecated, always null
	FilesCount      int          `json:"files_count"`
	CDNURL          string       `json:"cdn_url"`
	URL             string       `json:"url"`
	Files           []*groupFile `json:"files"` // null where a file is gone
}

// groupFile is a file of a group, with the operations that the group applies to it.
type groupFile struct {
	DefaultEffects string `json:"default_effects"`
	fileInfo
}

// serveGroup is /group/, which creates a group. It uses no operation of an access token, for
// it uploads nothing.
func (h *Handler) serveGroup(w http.ResponseWriter, r *http.Request, files *store) error {
	sent, problem, err := readParams(r)
	if err != nil {
		return err
	}
	if refusal := h.authorize(r, problem, sent, 0); refusal != nil {
		return refusal
	}
	members, refusal := groupMembers(sent)
	if refusal != nil {
		return refusal
	}
	// All files must exist when the group is created. Later, one may be removed.
	for _, member := range members {
		if _, err := files.readInfo(member.UUID); errors.Is(err, uploadapi.ErrFileNotFound) {
			return uploadapi.ErrGroupFilesNotFound
		} else if err != nil {
			return err
		}
	}
	created := &group{
		ID:      uuid.NewString() + "~" + strconv.Itoa(len(members)), // as the service's: clients take the count from it
		Created: h.now().UTC(),
		Members: members,
	}
	if err := files.addGroup(created, h.StorageLimit); err != nil {
		return err
	}
	info, err := files.describeGroup(created, h.baseURL(r))
	if err != nil {
		return err
	}
	// The documentation has `callback` on this endpoint alone.
	return writeJSONP(w, sent.first("callback"), info)
}

// serveGroupInfo is GET /group/info/. It needs no credential.
func (h *Handler) serveGroupInfo(w http.ResponseWriter, r *http.Request, files *store) error {
	query, refusal := readQuery(r)
	if refusal != nil {
		return refusal
	}
	if refusal := h.checkPublicKey(uploadapi.ParamPublicKey, query.Get(uploadapi.ParamPublicKey)); refusal != nil {
		return refusal
	}
	id := query.Get("group_id")
	if id == "" {
		return uploadapi.ErrGroupIDRequired
	}
	found, err := files.readGroup(id)
	if err != nil {
		return err
	}
	info, err := files.describeGroup(found, h.baseURL(r))
	if err != nil {
		return err
	}
	return writeJSON(w, info)
}

// describeGroup returns the description of a group and its files. base is the URL of the
// sandbox.
func (s *store) describeGroup(g *group, base string) (*groupInfo, error) {
	info := &groupInfo{
		ID:              g.ID,
		DatetimeCreated: g.Created.Format(datetimeFormat),
		FilesCount:      len(g.Members),
		// Nothing is served at either: the sandbox has the files of a group, and no page
		// of it.
		CDNURL: base + "/" + g.ID + "/",
		URL:    base + "/groups/" + g.ID + "/",
	}
	for _, member := range g.Members {
		file, err := s.readInfo(member.UUID)
		if errors.Is(err, uploadapi.ErrFileNotFound) {
			// As null, so that the others keep their places.
			info.Files = append(info.Files, nil)
			continue
		}
		if err != nil {
			return nil, err
		}
		info.Files = append(info.Files, &groupFile{member.Effects, *file})
	}
	return info, nil
}
