// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// parseFilePath parses the path of a stored file, as the CDN has it: `/<uuid>/`, followed
// by any name, or by operations. The sandbox ignores operations, so that pages with resized
// pictures still show them.
func parseFilePath(escapedPath string) (id string, ok bool) {
	id, rest, _ := strings.Cut(strings.Trim(escapedPath, "/"), "/")
	// Clients append the name to the address (`/<uuid>/cat.jpg`), and the CDN ignores it.
	// A path of more elements is one that is not imitated here.
	return id, isID(id) && (!strings.Contains(rest, "/") || strings.HasPrefix(rest, "-/"))
}

// serveFile serves a stored file. Its bytes and its media type come from the uploader, so
// the headers forbid the browser to guess another type, and to run scripts in it.
func (h *Handler) serveFile(w http.ResponseWriter, r *http.Request, files *store, id string) error {
	info, err := files.readInfo(id)
	if err != nil {
		return err
	}
	content, modified, err := files.openContent(id)
	if err != nil {
		return err
	}
	defer content.Close()

	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "sandbox") // no scripts, and an origin of its own
	header.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": info.Filename}))
	// The guess has a charset, which the stored type lacks. It is used if both agree.
	contentType, err := guessType(content)
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	if essence(contentType) != info.MIMEType {
		contentType = info.MIMEType
	}
	header.Set("Content-Type", contentType)
	// Without a name, by which it would choose the type anew.
	http.ServeContent(w, r, "", modified, content) // with ranges, as the CDN
	return nil
}
