// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// tokenResponse is the response of /from_url/ for a fetch that has been started. The token is
// that of its status, and not a credential.
type tokenResponse struct {
	Type  string `json:"type"`
	Token string `json:"token"`
}

// knownResponse is the response of /from_url/ for a file that was fetched before.
type knownResponse struct {
	Type string `json:"type"`
	*fileInfo
}

// serveFromURL is /from_url/, by POST or GET. It responds before the fetch begins.
func (h *Handler) serveFromURL(w http.ResponseWriter, r *http.Request, files *store) error {
	sent, problem, err := readParams(r)
	if err != nil {
		return err
	}
	if refusal := h.authorize(r, problem, sent, 1); refusal != nil {
		return refusal
	}
	order, refusal := h.orderFetch(r, sent)
	if refusal != nil {
		return refusal
	}
	// The response is then the file itself: there is nothing to poll for.
	if sent.first("check_URL_duplicates") == "1" {
		info, err := files.fetchedFrom(order.source.String())
		if err == nil {
			return writeJSON(w, knownResponse{"file_info", info})
		}
		if !errors.Is(err, uploadapi.ErrFileNotFound) {
			return err
		}
	}
	// Not to be guessed: its status shows the file to anyone who asks.
	token := uuid.NewString()
	if err := h.startFetch(files, token, order); err != nil {
		return err
	}
	return writeJSON(w, tokenResponse{"token", token})
}

// orderFetch reads and checks the parameters of a fetch.
func (h *Handler) orderFetch(r *http.Request, sent fields) (fetchOrder, *uploadapi.Error) {
	var order fetchOrder
	text := sent.first("source_url")
	if text == "" {
		return order, uploadapi.ErrSourceURLRequired
	}
	attrs, refusal := sent.attributes(uploadapi.ParamStore)
	if refusal != nil {
		return order, refusal
	}
	source, refusal := parseSource(text)
	if refusal != nil {
		return order, refusal
	}
	allowed := h.newReach(r)
	if refusal := allowed.check(r.Context(), source); refusal != nil {
		return order, refusal
	}
	save := sent.first("save_URL_duplicates")
	if save == "" { // documented default: the same as check_URL_duplicates
		save = sent.first("check_URL_duplicates")
	}
	return fetchOrder{source: source, allowed: allowed, filename: sent.first("filename"), attrs: attrs, remember: save == "1"}, nil
}

// startFetch starts a fetch that goes on after the response. It has a reference of its own to
// the store.
func (h *Handler) startFetch(files *store, token string, order fetchOrder) error {
	if _, err := acquireStore(h.root); err != nil {
		return err
	}
	// Added before it starts, so that a client never gets "unknown" for its token.
	job := new(fetch)
	files.addFetch(token, job)
	started := h.background.run(func(ctx context.Context) {
		defer h.release()
		h.runFetch(ctx, files, job, order)
	})
	if !started {
		h.release()
		job.fail(uploadapi.ErrDownloadTaskFailed)
	}
	return nil
}

// serveFromURLStatus is /from_url/status/, which old SDKs request by POST. A fetch that has
// failed is reported with status 200, as on the service: the request has not failed.
func (h *Handler) serveFromURLStatus(w http.ResponseWriter, r *http.Request, files *store) error {
	sent, problem, err := readParams(r)
	if err != nil {
		return err
	}
	if problem != nil {
		return problem
	}
	token := sent.first("token")
	if token == "" {
		return uploadapi.ErrTokenRequired
	}
	w.Header().Set("Cache-Control", "no-store") // clients poll by GET
	job := files.fetch(token)
	if job == nil {
		return writeJSON(w, statusResponse{"unknown"})
	}
	return writeJSON(w, job.report())
}

// addFetch adds a fetch. Old ones are forgotten after recentLimit more.
func (s *store) addFetch(token string, job *fetch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetches.put(token, job)
}

// fetch returns the fetch with the token, or nil.
func (s *store) fetch(token string) *fetch {
	s.mu.Lock()
	defer s.mu.Unlock()
	job, _ := s.fetches.get(token)
	return job
}

// rememberSource records from which URL a file was fetched.
func (s *store) rememberSource(source, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources.put(source, id)
}

// fetchedFrom returns the file that was fetched from a URL before. The error is
// [uploadapi.ErrFileNotFound] if there is none.
func (s *store) fetchedFrom(source string) (*fileInfo, error) {
	s.mu.Lock()
	id, known := s.sources.get(source)
	s.mu.Unlock()
	if !known {
		return nil, uploadapi.ErrFileNotFound
	}
	// Without the lock, which every upload needs, while the disk is read. A user may have
	// removed the file since: then it counts as not fetched.
	return s.readInfo(id)
}
