// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"mime"
	"net/http"
)

// serveFile returns the bytes of a stored file. Whoever uploads decides what
// they are, so the browser is told neither to guess nor to run them.
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
	header.Set("Content-Security-Policy", "sandbox")
	header.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": info.Filename}))
	// No name: the type shall come from the bytes, as in mime_type, not from
	// whatever the system says of an extension.
	http.ServeContent(w, r, "", modified, content)
	return nil
}
