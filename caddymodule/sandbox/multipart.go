// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// multipartResponse is the response of /multipart/start/.
type multipartResponse struct {
	UUID  string   `json:"uuid"`
	Parts []string `json:"parts"`
}

// serveMultipartStart is POST /multipart/start/.
func (h *Handler) serveMultipartStart(w http.ResponseWriter, r *http.Request, files *store) error {
	sent, problem, err := readParams(r)
	if err != nil {
		return err
	}
	if refusal := h.authorize(r, problem, sent, 1); refusal != nil {
		return refusal
	}
	plan, refusal := h.planMultipart(sent)
	if refusal != nil {
		return refusal
	}
	upload, err := files.startMultipart(plan, h.StorageLimit)
	if err != nil {
		return err
	}
	// In place of S3's presigned URLs, which also differ for each part.
	base, id := h.baseURL(r), upload.file.info.UUID
	response := multipartResponse{UUID: id, Parts: make([]string, len(upload.parts))}
	for i := range upload.parts {
		// The number is in the query, too, as in S3's presigned URLs: some clients take
		// it from there.
		number := strconv.Itoa(i + 1)
		response.Parts[i] = base + partsPath + id + "/" + number + "?partNumber=" + number + "&" + paramPartKey + "=" + upload.key
	}
	return writeJSON(w, response)
}

// planMultipart reads the parameters of the upload to come.
func (h *Handler) planMultipart(sent fields) (multipartPlan, *uploadapi.Error) {
	var plan multipartPlan
	// These three are required by the documentation.
	if plan.filename = sent.first("filename"); plan.filename == "" {
		return plan, uploadapi.ParamRequired("filename")
	}
	if sent.first("size") == "" {
		return plan, uploadapi.ParamRequired("size")
	}
	// It may be empty: the widget sends it so if the browser does not know the type.
	if !sent.sent("content_type") {
		return plan, uploadapi.ParamRequired("content_type")
	}
	plan.contentType = sent.first("content_type")
	size, err := strconv.ParseInt(sent.first("size"), 10, 64)
	switch {
	case err != nil:
		return plan, uploadapi.ErrMultipartSizeInvalid
	case size > h.MultipartLimit:
		return plan, uploadapi.ErrMultipartTooLarge
	case size < uploadapi.MultipartMinimum:
		return plan, uploadapi.ErrMultipartTooSmall
	}
	plan.size = size
	var refusal *uploadapi.Error
	if plan.partSize, refusal = partSize(sent.first("part_size")); refusal != nil {
		return plan, refusal
	}
	plan.attrs, refusal = sent.attributes(uploadapi.FieldStore)
	return plan, refusal
}

// partSize parses the optional parameter part_size.
func partSize(text string) (int64, *uploadapi.Error) {
	if text == "" {
		// The documented default, by which clients that do not send it cut their files.
		return uploadapi.PartSizeMinimum, nil
	}
	size, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, uploadapi.ErrPartSizeInvalid
	case size < uploadapi.PartSizeMinimum:
		return 0, uploadapi.ErrPartSizeTooSmall
	case size > uploadapi.PartSizeMaximum:
		return 0, uploadapi.ErrPartSizeTooBig
	}
	return size, nil
}

// serveMultipartComplete is POST /multipart/complete/. It needs no credential: the UUID,
// which only the client that began the upload knows, authorizes it.
func (h *Handler) serveMultipartComplete(w http.ResponseWriter, r *http.Request, files *store) error {
	sent, problem, err := readParams(r)
	if err != nil {
		return err
	}
	if problem != nil {
		return problem
	}
	// A credential is not looked for: the SDKs for Rust and Dart send one, others do not.
	if refusal := h.checkPublicKey(uploadapi.FieldPublicKey, sent.first(uploadapi.FieldPublicKey)); refusal != nil {
		return refusal
	}
	id := sent.first("uuid")
	if id == "" {
		return uploadapi.ErrMultipartIDRequired
	}
	if !isID(id) {
		return uploadapi.ErrUUIDInvalid
	}
	info, err := files.completeMultipart(id)
	if err != nil {
		return err
	}
	return writeJSON(w, info)
}

// baseURL returns the URL at which clients reach the sandbox itself. It uses the address at
// which the request arrived and not its Host, which is a name that perhaps only the gateway
// in front can resolve.
func (h *Handler) baseURL(r *http.Request) string {
	if h.publicURL != "" {
		return h.publicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	host := r.Host
	if address, ok := localAddress(r); ok {
		host = address.String()
	}
	return scheme + "://" + host
}

// localAddress returns the address at which the request arrived. It reports false for a
// Unix socket, to which a client cannot send parts.
func localAddress(r *http.Request) (net.Addr, bool) {
	address, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok || strings.HasPrefix(address.Network(), "unix") {
		return nil, false
	}
	return address, true
}

// parsePublicURL checks the URL and returns it without a slash at its end. A query or a
// fragment would end up in the middle of the URLs that are made from it.
func parsePublicURL(text string) (string, bool) {
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || parsed.RawQuery != "" || parsed.Fragment != "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return "", false
	}
	return strings.TrimRight(text, "/"), true
}
