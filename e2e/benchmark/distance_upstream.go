// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

// upstreamKind is the protocol of a distant upstream, and the sizes to measure with it.
type upstreamKind struct {
	name     string
	protocol protocol // of a client without a proxy
	version  uint16   // of TLS
	window   int      // of HTTP/2, in bytes; 0: Go's own
	sizes    []int64
}

const (
	smallFile  = 20 << 10
	mediumFile = 1 << 20
	largeFile  = 32 << 20
)

var upstreamKinds = []upstreamKind{
	{"HTTP/1.1, TLS 1.3", http1TLS, tls.VersionTLS13, 0, []int64{smallFile, mediumFile, largeFile}},
	// A round trip more for the handshake, which only small files show.
	{"HTTP/1.1, TLS 1.2", http1TLS, tls.VersionTLS12, 0, []int64{smallFile}},
	{"HTTP/2, window of 1 MiB", http2Protocol, tls.VersionTLS13, 0, []int64{smallFile, mediumFile, largeFile}},
	// With Go's window of 1 MiB, a large file waits for a round trip at each MiB. This
	// one shows that it is the window.
	{"HTTP/2, window of 64 MiB", http2Protocol, tls.VersionTLS13, 64 << 20, []int64{largeFile}},
}

// distantUpstream accepts uploads over TLS.
type distantUpstream struct {
	server   *http.Server
	listener net.Listener
	address  string
}

// startDistantUpstream starts an upstream that closes connections after idle, or never if
// that is 0.
func startDistantUpstream(kind upstreamKind, certificate string, idle time.Duration) (*distantUpstream, error) {
	config, err := loopback.ServerTLS(certificate)
	if err != nil {
		return nil, err
	}
	config.MinVersion, config.MaxVersion = kind.version, kind.version
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler: http.HandlerFunc(takeUpload), TLSConfig: config, IdleTimeout: idle, ReadHeaderTimeout: time.Minute,
		Protocols: new(http.Protocols),
		HTTP2:     &http.HTTP2Config{MaxReceiveBufferPerConnection: kind.window, MaxReceiveBufferPerStream: kind.window},
		ErrorLog:  log.New(io.Discard, "", 0),
	}
	server.Protocols.SetHTTP1(kind.protocol == http1TLS)
	server.Protocols.SetHTTP2(kind.protocol == http2Protocol)
	go func() { _ = server.ServeTLS(listener, "", "") }()
	return &distantUpstream{server, listener, listener.Addr().String()}, nil
}

// stop closes the upstream and all its connections.
func (u *distantUpstream) stop() { _ = u.server.Close() }

// takeUpload responds as the sink does, also to requests that ask whether it is ready.
func takeUpload(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return
	}
	var response string
	var size int64
	var err error
	if r.Header.Get(verifyHeader) != "" {
		response, err = head{contentType: r.Header.Get("Content-Type")}.report(r.Body)
	} else {
		response = "ok"
		if size, err = io.Copy(io.Discard, r.Body); err == nil && size != r.ContentLength {
			err = errLength
		}
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprint(w, response)
}

var errLength = errors.New("not as many bytes as were announced")
