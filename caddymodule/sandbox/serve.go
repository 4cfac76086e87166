// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sandbox/demo"
)

// errNoEndpoint is an error of the sandbox, not of the service: it shows that a client, or
// a rewrite in front, uses a path that the sandbox does not imitate.
var errNoEndpoint = &uploadapi.Error{
	Status:  http.StatusNotFound,
	Code:    "SandboxEndpointNotFoundError",
	Message: "The sandbox has no such endpoint.",
}

// ServeHTTP serves the request; next is never called. It writes refusals and failures
// itself, in the client's dialect. It returns an error only if the client has gone, for
// Caddy's log.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	// None of its paths is the API's.
	if demo.Serves(r.URL.Path) {
		h.page.ServeHTTP(w, r)
		return nil
	}
	// The service's responses have it, and clients show it in their errors.
	w.Header().Set("X-Uploadcare-Request-Id", uuid.NewString())
	err := h.route(w, r)
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[caddyhttp.HandlerError](err); ok { // the client has gone
		return err
	}
	refusal, ok := errors.AsType[*uploadapi.Error](err)
	if !ok { // the details are for the log: they have paths of this machine
		h.logger.Error("storage failed", zap.Error(err))
		refusal = uploadapi.ErrInternal
	}
	if c := h.logger.Check(zapcore.DebugLevel, "request refused"); c != nil {
		c.Write(zap.Int("status", refusal.Status), zap.String("code", refusal.Code))
	}
	if refusal == uploadapi.ErrThrottled { //nolint:errorlint // it is an *Error already
		w.Header().Set("Retry-After", retryAfter)
	}
	refusal.Write(w, r)
	return nil
}

// retryAfter is the Retry-After of a throttled request, in seconds.
// Without it, or if a page cannot read it, upload-client and the widget wait for 15
// seconds.
const retryAfter = "1"

// endpointFunc serves an endpoint. files stays open until it returns. Its error is an
// [uploadapi.Error] for a refusal, or errStorage.
type endpointFunc func(w http.ResponseWriter, r *http.Request, files *store) error

// route calls the function of the endpoint that a request is for.
func (h *Handler) route(w http.ResponseWriter, r *http.Request) error {
	const get, head, post, put = http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut
	endpoint := uploadapi.Endpoint(r.URL.Path)
	// The methods are those of Access-Control-Allow-Methods in recordings of the service;
	// the documentation has fewer.
	switch endpoint {
	case uploadapi.Base:
		return h.call(w, r, h.serveBase, post)
	case uploadapi.Iframe:
		return h.call(w, r, h.serveIframe, post)
	case uploadapi.MultipartStart:
		return h.call(w, r, h.serveMultipartStart, post)
	case uploadapi.MultipartComplete:
		return h.call(w, r, h.serveMultipartComplete, post)
	case uploadapi.FromURL:
		return h.call(w, r, h.serveFromURL, post, get)
	case uploadapi.FromURLStatus:
		return h.call(w, r, h.serveFromURLStatus, get, head, post)
	case uploadapi.Group:
		return h.call(w, r, h.serveGroup, post, get, head)
	case uploadapi.GroupInfo:
		return h.call(w, r, h.serveGroupInfo, get, head)
	case uploadapi.Info:
		return h.call(w, r, h.serveInfo, get, head)
	}
	// What follows is not the Upload API's: S3 and the CDN are hosts of their own there.
	if upload, part, ok := parsePartPath(endpoint); ok {
		return h.call(w, r, func(w http.ResponseWriter, r *http.Request, files *store) error {
			return h.servePart(w, r, files, upload, part)
		}, put)
	}
	// The escaped path, for a slash in a file's name does not separate elements.
	if id, ok := parseFilePath(uploadapi.Endpoint(r.URL.EscapedPath())); ok {
		return h.call(w, r, func(w http.ResponseWriter, r *http.Request, files *store) error {
			return h.serveFile(w, r, files, id)
		}, get, head)
	}
	return errNoEndpoint
}

// call calls serve for the methods that an endpoint has. It responds itself to a preflight
// and to every other method. All responses have CORS headers, refusals too, or a page could
// not read them.
func (h *Handler) call(w http.ResponseWriter, r *http.Request, serve endpointFunc, methods ...string) error {
	allowed := strings.Join(append(methods, http.MethodOptions), ", ")
	uploadapi.SetCORS(w.Header(), allowed)
	if slices.Contains(methods, http.MethodPut) {
		w.Header().Set("Access-Control-Allow-Headers", "*") // for Content-Type, as S3 is configured to
	}
	switch {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusOK)
		return nil
	case !slices.Contains(methods, r.Method):
		w.Header().Set("Allow", allowed)
		return uploadapi.MethodNotAllowed(r.Method, r.URL.Path)
	}
	// Only for requests that need it, and for as long as they run: a reload may happen
	// meanwhile, and the handler's own reference go.
	files, err := acquireStore(h.root)
	if err != nil {
		return err
	}
	defer h.release()
	return serve(w, r, files)
}

// writeJSON writes a successful response.
func writeJSON(w http.ResponseWriter, response any) error {
	body, err := json.Marshal(response)
	if err != nil {
		return err
	}
	writeBody(w, "application/json", body)
	return nil
}

// writeBody writes a successful response with a length. An error of writing means that the
// client has gone: nothing is left to do.
func writeBody(w http.ResponseWriter, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) //nolint:gosec // no caller writes HTML that a client had a say in
}

// serveInfo is GET /info/. It needs no credential, as on the service.
func (h *Handler) serveInfo(w http.ResponseWriter, r *http.Request, files *store) error {
	query, refusal := readQuery(r)
	if refusal != nil {
		return refusal
	}
	if refusal := h.checkPublicKey(uploadapi.ParamPublicKey, query.Get(uploadapi.ParamPublicKey)); refusal != nil {
		return refusal
	}
	id := query.Get(uploadapi.ParamFileID)
	if id == "" {
		return uploadapi.ErrFileIDRequired
	}
	if !isID(id) { // before it becomes part of a path
		return uploadapi.ErrFileIDInvalid
	}
	info, err := files.readInfo(id)
	if err != nil {
		return err
	}
	return writeJSON(w, info)
}

// release releases a request's reference to the store.
func (h *Handler) release() {
	if err := releaseStore(h.root); err != nil {
		h.logger.Error("closing the store failed", zap.Error(err))
	}
}
