// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

const (
	// defaultFetchTimeout bounds a fetch, including its wait for a slot.
	// Without it, a source that sends a byte now and then would hold a slot for ever.
	defaultFetchTimeout = 5 * time.Minute
	// The documented error for too many names no number.
	maxRedirects = 5
	// maxFetches is how many fetches run at the same time; others wait.
	// Each has a connection and a file of its own, and clients decide how many are begun.
	maxFetches = 8
)

// fetchOrder is a request of /from_url/: what to fetch and how to store it.
type fetchOrder struct {
	source   *url.URL
	allowed  reach
	filename string // the client's; if it is empty, the source's is used
	attrs    attributes
	remember bool
}

// runFetch waits for a slot, fetches, and records the result in job.
func (h *Handler) runFetch(ctx context.Context, files *store, job *fetch, order fetchOrder) {
	ctx, cancel := context.WithTimeout(ctx, h.fetchTimeout)
	defer cancel()
	select {
	case h.fetchSlots <- struct{}{}:
		defer func() { <-h.fetchSlots }()
	case <-ctx.Done():
		job.fail(h.explainFetch(ctx, ctx.Err()))
		return
	}
	info, err := h.download(ctx, files, job, order)
	if err != nil {
		job.fail(h.explainFetch(ctx, err))
		return
	}
	if order.remember {
		files.rememberSource(order.source.String(), info.UUID)
	}
	job.succeed(info)
}

// download fetches the source into a new file, and publishes it.
func (h *Handler) download(ctx context.Context, files *store, job *fetch, order fetchOrder) (*fileInfo, error) {
	client := newFetchClient(order.allowed) // one for each, as each may reach something else
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, order.source.String(), nil)
	if err != nil {
		return nil, uploadapi.ErrURLParsingFailed
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	// Not every 2xx: a 206 has a part of a file, and a 204 has none.
	if response.StatusCode != http.StatusOK {
		return nil, uploadapi.DownloadStatus(response.StatusCode)
	}
	if response.ContentLength > h.RequestLimit { // without reading up to it
		return nil, uploadapi.DownloadTooBig(response.ContentLength, h.RequestLimit)
	}
	job.start(response.ContentLength)
	file, err := files.create(h.StorageLimit)
	if err != nil {
		return nil, err
	}
	if err := h.save(file, job, response, order); err != nil {
		h.discard(file)
		return nil, err
	}
	return file.info, nil
}

// save writes the body of a response to file and publishes it.
func (h *Handler) save(file *partial, job *fetch, response *http.Response, order fetchOrder) error {
	// The source's Content-Length may be missing or wrong. job counts after file, so that
	// its progress is what has been stored.
	body := &limitedReader{source: response.Body, left: h.RequestLimit}
	_, err := io.Copy(io.MultiWriter(file, job), body)
	if errors.Is(body.err, errRequestTooLarge) {
		return uploadapi.DownloadTooBig(h.RequestLimit+1, h.RequestLimit)
	}
	if err != nil {
		return err
	}
	filename := order.filename
	if filename == "" {
		filename = sourceName(response)
	}
	if err := file.finish(filename, response.Header.Get("Content-Type")); err != nil {
		return err
	}
	return file.publish(order.attrs)
}

// sourceName returns the file name in the response: that of its Content-Disposition, or the
// last element of the URL's path.
func sourceName(response *http.Response) string {
	_, parameters := cutMediaType(response.Header.Get("Content-Disposition"))
	if _, filename, _ := namesOf(parseParameters(parameters)); filename != "" {
		return filename
	}
	if name := path.Base(response.Request.URL.Path); name != "." && name != "/" {
		return name
	}
	// As for https://example.com/, which has none.
	return "file"
}

// newFetchClient returns a client that connects only to what allowed permits. It uses no
// proxy of the environment, which would connect to anything on its behalf.
func newFetchClient(allowed reach) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:        allowed.dial,
			DisableCompression: true, // otherwise the total size would be unknown
			// The client serves one fetch; an idle connection would stay behind it.
			DisableKeepAlives:   true,
			TLSHandshakeTimeout: 10 * time.Second,
			// A source that accepts the connection and says nothing would hold a slot for
			// all of the fetch's time.
			ResponseHeaderTimeout: time.Minute,
		},
		CheckRedirect: func(next *http.Request, before []*http.Request) error {
			if len(before) > maxRedirects { // before includes the first request
				return uploadapi.ErrTooManyRedirects
			}
			// A redirect may lead to another scheme. What its host's address is, dial
			// checks.
			if _, refusal := parseSource(next.URL.String()); refusal != nil {
				return refusal
			}
			return nil
		},
	}
}

// explainFetch returns the error that /from_url/status/ shows for an error of a fetch. ctx
// is the fetch's: timeouts of a connection, which are shorter, are equal to its error.
func (h *Handler) explainFetch(ctx context.Context, err error) *uploadapi.Error {
	if refusal, ok := errors.AsType[*uploadapi.Error](err); ok {
		return refusal
	}
	switch {
	// The service has no error for a full disk: its account's limit stands for it.
	case errors.Is(err, errStorageFull):
		return uploadapi.ErrAccountLimits
	case errors.Is(err, errStorage):
		h.logger.Error("storage failed", zap.Error(err))
		return uploadapi.ErrDownloadInternal
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return uploadapi.DownloadTooSlow(h.fetchTimeout)
	case ctx.Err() != nil: // the configuration has ended
		return uploadapi.ErrDownloadTaskFailed
	}
	if failure, ok := errors.AsType[*url.Error](err); ok {
		err = failure.Err // without the URL, which may contain a secret
	}
	return uploadapi.DownloadNetwork(fmt.Sprint(err))
}
