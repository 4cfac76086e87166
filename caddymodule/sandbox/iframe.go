// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// iframePage is the response to an accepted upload. It loads in a hidden iframe.
// The widget waits for its load event, and does not read it.
const iframePage = "<!DOCTYPE html>\n<title>Uploaded</title>\n"

// serveIframe is POST /iframe/: one file, under a UUID that the client chose, since it cannot
// read the response. The client polls /info/ with it until the file is there.
func (h *Handler) serveIframe(w http.ResponseWriter, r *http.Request, files *store) error {
	return h.receive(r, files, func(upload *form, sent fields, attrs attributes) error {
		id, refusal := iframeID(sent)
		switch {
		case refusal != nil:
			return refusal
		case upload.fileCount == 0:
			return uploadapi.ErrIframeFileRequired
		case upload.fileCount > 1:
			return uploadapi.ErrIframeTooManyFiles
		case upload.full:
			return uploadapi.ErrAccountLimits
		}
		// Last of the checks: a refused upload must not make its UUID unusable.
		if err := files.claim(id); err != nil {
			return err
		}
		defer files.unclaim(id)
		info := upload.files[0].info
		// Before publish, which names the directory by it.
		info.UUID, info.FileID = id, id
		if _, err := upload.publish(attrs); err != nil {
			return err
		}
		writeBody(w, "text/html; charset=utf-8", []byte(iframePage))
		return nil
	})
}

// iframeID returns the client's UUID, in the form of isID.
func iframeID(sent fields) (string, *uploadapi.Error) {
	text := sent.first(uploadapi.FieldFileID)
	if text == "" {
		return "", uploadapi.ErrIframeFileIDRequired
	}
	// Parse also accepts URNs and braces, which are longer.
	id, err := uuid.Parse(text)
	if err != nil || len(text) != len(id.String()) {
		return "", uploadapi.ErrIframeFileIDInvalid
	}
	return id.String(), nil
}

// claim reserves a client's UUID for one upload, unless it is in use: two uploads with the
// same one would overwrite each other. Each successful claim must be followed by unclaim.
func (s *store) claim(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, taken := s.directory.Lstat(id)
	if taken == nil || s.multiparts[id] != nil || s.claimed[id] {
		return uploadapi.ErrIframeFileIDDuplicated
	}
	if s.claimed == nil {
		s.claimed = make(map[string]bool)
	}
	s.claimed[id] = true
	return nil
}

// unclaim ends the reservation.
func (s *store) unclaim(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.claimed, id)
}
