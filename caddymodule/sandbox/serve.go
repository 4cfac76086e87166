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
)

// errNoEndpoint is the sandbox's own: the service has many more endpoints.
var errNoEndpoint = &uploadapi.Error{
	Status:  http.StatusNotFound,
	Code:    "SandboxEndpointNotFoundError",
	Message: "The sandbox has no such endpoint.",
}

// ServeHTTP answers the request; next is never called. Only what cannot be
// told to the client, because it has gone, is returned as an error.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	w.Header().Set("X-Uploadcare-Request-Id", uuid.NewString())
	err := h.route(w, r)
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[caddyhttp.HandlerError](err); ok {
		return err
	}
	refusal, ok := errors.AsType[*uploadapi.Error](err)
	if !ok {
		h.logger.Error("storage failed", zap.Error(err))
		refusal = uploadapi.ErrInternal
	}
	if c := h.logger.Check(zapcore.DebugLevel, "request refused"); c != nil {
		c.Write(zap.Int("status", refusal.Status), zap.String("code", refusal.Code))
	}
	refusal.Write(w, r)
	return nil
}

type endpointFunc func(w http.ResponseWriter, r *http.Request) error

func (h *Handler) route(w http.ResponseWriter, r *http.Request) error {
	endpoint := uploadapi.Endpoint(r.URL.Path)
	switch endpoint {
	case uploadapi.Base:
		return call(w, r, h.serveUpload, http.MethodPost)
	case uploadapi.Info:
		return call(w, r, h.serveInfo, http.MethodGet, http.MethodHead)
	}
	id := strings.Trim(endpoint, "/")
	if !isID(id) {
		return errNoEndpoint
	}
	serve := func(w http.ResponseWriter, r *http.Request) error { return h.serveFile(w, r, id) }
	return call(w, r, serve, http.MethodGet, http.MethodHead)
}

// call serves the methods that an endpoint has, and answers for it the
// preflight and every method that it does not have.
func call(w http.ResponseWriter, r *http.Request, serve endpointFunc, methods ...string) error {
	allowed := strings.Join(methods, ", ") + ", " + http.MethodOptions
	uploadapi.SetCORS(w.Header(), allowed)
	switch {
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusOK)
		return nil
	case !slices.Contains(methods, r.Method):
		w.Header().Set("Allow", allowed)
		return uploadapi.MethodNotAllowed(r.Method, r.URL.Path)
	}
	return serve(w, r)
}

func writeJSON(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// checkPublicKey applies the rules of a project's key, which every endpoint
// has under a name of its own.
func (h *Handler) checkPublicKey(name, key string) *uploadapi.Error {
	switch key {
	case "":
		return uploadapi.PublicKeyRequired(name)
	case h.publicKey:
		return nil
	default:
		return uploadapi.PublicKeyInvalid(name)
	}
}

func (h *Handler) serveInfo(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	if refusal := h.checkPublicKey(uploadapi.ParamPublicKey, query.Get(uploadapi.ParamPublicKey)); refusal != nil {
		return refusal
	}
	id := query.Get(uploadapi.ParamFileID)
	if id == "" {
		return uploadapi.ErrFileIDRequired
	}
	if !isID(id) {
		return uploadapi.ErrFileIDInvalid
	}
	files, err := acquireStore(h.root)
	if err != nil {
		return err
	}
	defer h.release()
	info, err := files.readInfo(id)
	if err != nil {
		return err
	}
	body, err := json.Marshal(info)
	if err != nil {
		return err
	}
	writeJSON(w, body)
	return nil
}

// release ends the hold that a request has on the store.
func (h *Handler) release() {
	if err := releaseStore(h.root); err != nil {
		h.logger.Error("closing the store failed", zap.Error(err))
	}
}
