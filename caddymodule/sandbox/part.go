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
	// partsPath is where parts go. On the service that is S3.
	partsPath = "/parts/"
	// paramPartKey is what makes a part's URL good for its upload only.
	paramPartKey = "key"
)

// Refusals of parts, whose words are the sandbox's: S3 has an XML of its own.
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

func errPartLength(want int64) *uploadapi.Error {
	return &uploadapi.Error{
		Status:  http.StatusBadRequest,
		Code:    "SandboxPartSizeError",
		Message: "The part must have " + strconv.FormatInt(want, 10) + " bytes.",
	}
}

// partOf reads the path of a part, `/parts/<uuid>/<n>/`.
func partOf(endpoint string) (id string, number int, ok bool) {
	rest, ok := strings.CutPrefix(endpoint, partsPath)
	if !ok {
		return "", 0, false
	}
	id, text, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	number, err := strconv.Atoi(text)
	return id, number, err == nil && isID(id)
}

// servePart is PUT to the URL of a part. Its bytes go straight to their place
// in the file.
func (h *Handler) servePart(w http.ResponseWriter, r *http.Request, files *store, id string, number int) error {
	upload := files.multipart(id)
	if upload == nil || subtle.ConstantTimeCompare([]byte(r.URL.Query().Get(paramPartKey)), []byte(upload.key)) != 1 {
		return errPartUnknown
	}
	place, refusal := upload.begin(number)
	if refusal != nil {
		return refusal
	}
	err := writePart(upload.file, place, r)
	upload.end(number, err == nil)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusOK)
	return nil
}

func writePart(file *partial, place span, r *http.Request) error {
	if r.ContentLength >= 0 && r.ContentLength != place.size {
		return errPartLength(place.size)
	}
	content, err := file.store.directory.OpenFile(filepath.Join(file.directory, contentName), partWriteFlag, fileMode)
	if err != nil {
		return fmt.Errorf("%w: %w", errStorage, err)
	}
	body := &limitedBody{source: r.Body, left: place.size}
	n, err := io.Copy(io.NewOffsetWriter(content, place.offset), body)
	closed := content.Close()
	switch {
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
