// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// patience is how long a client waits. Nothing in a storm lasts as long, so an upload that
	// has no response by then has been forgotten.
	patience = time.Minute
	// maxResponse bounds what a client reads, in bytes.
	maxResponse = 64 << 10
)

// transport is a client's, of one protocol.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// newTransport returns a transport. None of them sends an upload twice: see [upload.request].
func newTransport(speaks protocol, config *tls.Config) transport {
	protocols := new(http.Protocols)
	switch speaks {
	case http3:
		return newQUICTransport(config)
	case http2:
		protocols.SetHTTP2(true)
	case http1, http1TLS:
		protocols.SetHTTP1(true)
	}
	return &http.Transport{Protocols: protocols, TLSClientConfig: config.Clone(), MaxIdleConnsPerHost: 1, DisableCompression: true}
}

// body is a request's. The client leaves when it has sent so much of it.
type body struct {
	io.Reader
	pause time.Duration // before each piece
	piece int
	rest  int    // bytes that are left of a piece, of which readers may ask for less at a time
	leave func() // or nil: the client stays
	left  int    // until it leaves
}

// pieces is in how many a slow client sends.
const pieces = 10

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if b.pause > 0 {
		if b.rest == 0 {
			time.Sleep(b.pause)
			b.rest = b.piece
		}
		p = p[:min(len(p), b.rest)]
	}
	n, err := b.read(p)
	b.rest -= n
	return n, err
}

// read is Read without a pace.
func (b *body) read(p []byte) (int, error) {
	if b.leave == nil {
		return b.Reader.Read(p)
	}
	if b.left == 0 {
		b.leave()
		return 0, context.Canceled
	}
	n, err := b.Reader.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// Close implements [io.Closer].
func (*body) Close() error { return nil }

// request returns an upload as a request. Its body cannot be had again, and it has one even
// if that is empty: otherwise Go's clients would repeat some requests that they have sent, and the
// upstream would get twice what was sent twice.
func (u *upload) request(ctx context.Context, leave func(), address string, m *message) (*http.Request, error) {
	b := &body{Reader: bytes.NewReader(m.body)}
	if u.pace > 0 {
		b.pause, b.piece = u.pace/pieces, len(m.body)/pieces+1
	}
	if u.flaw == leaves {
		b.leave, b.left = leave, len(m.body)/2
	}
	scheme := "https://"
	if u.protocol == http1 {
		scheme = "http://"
	}
	r, err := http.NewRequestWithContext(ctx, u.method, scheme+address+m.target, b)
	if err != nil {
		return nil, err
	}
	if u.encoding != query {
		r.Header.Set("Content-Type", m.mediaType)
		r.ContentLength = int64(len(m.body))
		if u.chunked {
			r.ContentLength = -1
		}
	} else if u.method == http.MethodPost {
		r.Body = http.NoBody
	}
	if u.flaw == compressed {
		r.Header.Set("Content-Encoding", "gzip")
	}
	r.Header.Set("User-Agent", "curl/7.88.1")
	return r, nil
}

// send sends an upload, and returns what became of it.
func (u *upload) send(through transport, address string, m *message) response {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	leaving, leave := context.WithCancel(ctx)
	defer leave()
	request, err := u.request(leaving, leave, address, m)
	if err != nil {
		return response{ending: broken, reason: err.Error()}
	}
	if u.flaw == leavesLate {
		time.AfterFunc(u.pace+2*time.Millisecond, leave)
	}
	got, err := through.RoundTrip(request)
	if err == nil {
		defer got.Body.Close()
		var text []byte
		if text, err = io.ReadAll(io.LimitReader(got.Body, maxResponse)); err == nil {
			return read(got.StatusCode, got.Header, text)
		}
	}
	return lost(ctx, leaving, err)
}

// lost says what became of an upload that has no response.
func lost(ctx, leaving context.Context, err error) response {
	r := response{ending: broken, reason: err.Error()}
	var dialling *net.OpError
	switch {
	case ctx.Err() != nil:
		r.ending = silent
	case leaving.Err() != nil:
		r.ending = left
	case errors.As(err, &dialling) && dialling.Op == "dial":
		r.ending = unsent
	}
	return r
}
