// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const (
	// partsPath is where the parts of a multipart upload are sent. The service has them
	// sent to S3, by presigned URLs.
	partsPath = "/parts/"
	// paramPartKey is the parameter that authorizes a part's URL for one upload, as the
	// signature of a presigned URL does.
	paramPartKey = "key"
)

// Refusals of parts. Their texts are the sandbox's; S3 responds with XML.
var (
	errPartUnknown = &uploadapi.Error{
		Status:  http.StatusForbidden,
		Code:    "SandboxPartUnknownError",
		Message: "No upload that is under way has such a part.",
	}
	errPartUnderWay = &uploadapi.Error{
		Status:  http.StatusConflict,
		Code:    "SandboxPartUnderWayError",
		Message: "The part is being uploaded already.",
	}
)

// errPartLength refuses a part of another length than the upload's plan has.
func errPartLength(want int64) *uploadapi.Error {
	return &uploadapi.Error{
		Status:  http.StatusBadRequest,
		Code:    "SandboxPartSizeError",
		Message: "The part must have " + strconv.FormatInt(want, 10) + " bytes.",
	}
}

// parsePartPath parses the path of a part, `/parts/<uuid>/<n>/`.
func parsePartPath(endpoint string) (id string, number int, ok bool) {
	rest, ok := strings.CutPrefix(endpoint, partsPath)
	if !ok {
		return "", 0, false
	}
	id, text, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	number, err := strconv.Atoi(text)
	return id, number, err == nil && isID(id)
}

// servePart is PUT to the URL of a part. The bytes are written to their offset in the file,
// so that parts may arrive in any order and at the same time.
func (h *Handler) servePart(w http.ResponseWriter, r *http.Request, files *store, id string, number int) error {
	// One error for both, and a comparison in constant time: a client must not find out
	// which uploads there are.
	upload := files.multipart(id)
	if upload == nil || subtle.ConstantTimeCompare([]byte(r.URL.Query().Get(paramPartKey)), []byte(upload.key)) != 1 {
		return errPartUnknown
	}
	place, refusal := upload.begin(number)
	if refusal != nil {
		return refusal
	}
	err := writePart(upload.file, place, r)
	// In any case: a part that broke off must be free for the client's retry.
	upload.end(number, err == nil)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

// writePart writes a part to its place in the file. A part that is longer or shorter is
// refused; what has been written of it is overwritten by the client's next attempt.
func writePart(file *partial, place span, r *http.Request) error {
	// One of another length would leave a gap, or run into its neighbour.
	if r.ContentLength >= 0 && r.ContentLength != place.size {
		return errPartLength(place.size)
	}
	content, err := file.store.directory.OpenFile(filepath.Join(file.directory, contentName), partWriteFlag, fileMode)
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	// A body without a Content-Length must not run into the next part's place.
	body := &limitedReader{source: r.Body, left: place.size}
	n, err := io.Copy(io.NewOffsetWriter(content, place.offset), body)
	closed := content.Close()
	switch {
	// Checked before the error of Copy, which has the same cause.
	case errors.Is(body.err, errRequestTooLarge):
		return errPartLength(place.size)
	case body.err != nil:
		return caddyhttp.Error(statusClientGone, fmt.Errorf("reading part: %w", body.err))
	case err != nil || closed != nil:
		return fmt.Errorf("%w: %w", errStorage, errors.Join(err, closed))
	case n != place.size:
		return errPartLength(place.size)
	}
	return nil
}
