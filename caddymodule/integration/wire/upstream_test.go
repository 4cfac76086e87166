// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// canary is in each request, and comes back in its response. It names the gateway, the case,
// and the request within it.
var canary = regexp.MustCompile(`id-[os][0-9]+[a-z]-end`)

// canariesIn returns those in a text, each once.
func canariesIn(text string) []string {
	found := canary.FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// upstream records all that comes, and responds to each request with its canaries.
type upstream struct {
	address string

	mu          sync.Mutex
	connections map[net.Conn]bool
	arrivals    []*arrival
	faults      []string
	scripts     map[string]script // by the canary of the request, instead of the usual response
}

// script is what an upstream sends in response to one request.
type script struct {
	raw    string        // what is sent
	early  bool          // once the head has come, and before the body is read
	after  time.Duration // how late
	slowly bool          // byte by byte
	more   string        // what is sent unasked, a moment after raw
	then   ending
	played chan<- struct{} // has room for the news that all of that has been sent, or is nil
}

// ending is what an upstream does with the connection after a response.
type ending int

const (
	keeps      ending = iota // and reads the next request
	closes                   // in both directions
	halfCloses               // its own direction alone
	resets                   // without having read all of it, or as if
	stalls                   // neither reads nor sends, until the gateway closes
)

// moment is how long after a response something unasked comes: when the gateway has put the
// connection back into its pool.
const moment = 30 * time.Millisecond

// loopbackCertificate is one for loopback, of [httptest].
func loopbackCertificate() tls.Certificate {
	template := httptest.NewTLSServer(nil)
	defer template.Close()
	return template.TLS.Certificates[0]
}

// startUpstream starts an upstream, with TLS if there is a certificate for it.
func startUpstream(t *testing.T, certificates ...tls.Certificate) *upstream {
	t.Helper()
	u := &upstream{connections: make(map[net.Conn]bool), scripts: make(map[string]script)}
	u.address = rawtest.Serve(t, func(connection net.Conn, _ int) {
		u.keep(connection, true)
		defer u.keep(connection, false)
		if len(certificates) > 0 {
			connection = tls.Server(connection, &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12})
		}
		u.serve(connection)
	})
	return u
}

// keep adds a connection to those that forget closes, or removes it.
func (u *upstream) keep(connection net.Conn, open bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if open {
		u.connections[connection] = true
	} else {
		delete(u.connections, connection)
	}
}

// forget closes all connections, and begins a new record.
func (u *upstream) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for connection := range u.connections {
		_ = connection.Close()
	}
	u.arrivals, u.faults = nil, nil
	clear(u.scripts)
}

// respondTo has the upstream send something else in response to the request with a canary.
func (u *upstream) respondTo(id string, s script) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.scripts[id] = s
}

// scriptFor returns the script for a request with one of the canaries.
func (u *upstream) scriptFor(ids []string) (script, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, id := range ids {
		if s, ok := u.scripts[id]; ok {
			return s, true
		}
	}
	return script{}, false
}

// record adds a request to the record. err says why it is none, or not a whole one.
func (u *upstream) record(a *arrival, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if errors.Is(err, errMalformed) {
		u.faults = append(u.faults, fmt.Sprintf("%v in %.300q", err, a.raw))
	}
	u.arrivals = append(u.arrivals, a)
}

// recorded returns what has come since forget.
func (u *upstream) recorded() (arrivals []*arrival, faults []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.arrivals), slices.Clone(u.faults)
}

// serve reads requests from a connection and responds to each.
func (u *upstream) serve(connection net.Conn) {
	reader := &strictReader{Reader: bufio.NewReader(connection)}
	for {
		responded, goesOn := false, true
		a, err := reader.request(func(a *arrival) {
			if s, ok := u.scriptFor(canariesIn(strings.Join(a.values("x-canary"), " "))); ok && s.early {
				responded, goesOn = true, s.play(connection)
			}
		})
		if a != nil && (!responded || goesOn) {
			u.record(a, err)
		}
		if err != nil || !goesOn {
			return
		}
		if responded {
			continue
		}
		if s, ok := u.scriptFor(canariesIn(a.raw)); ok {
			goesOn = s.play(connection)
		} else {
			_, _ = io.WriteString(connection, usualResponse(a))
		}
		if !goesOn {
			return
		}
	}
}

// usualResponse has the canaries of a request.
func usualResponse(a *arrival) string {
	body := fmt.Sprintf(`{"file":"reply %s"}`, strings.Join(canariesIn(a.raw), " "))
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Upstream: yes\r\nContent-Length: %d\r\n\r\n", len(body))
	if a.method == "HEAD" {
		return head
	}
	return head + body
}

// play sends what a script says. It reports whether the connection goes on.
func (s script) play(connection net.Conn) bool {
	time.Sleep(s.after)
	if s.slowly {
		for i := range len(s.raw) {
			_, _ = io.WriteString(connection, s.raw[i:i+1])
		}
	} else {
		_, _ = io.WriteString(connection, s.raw)
	}
	if s.more != "" {
		time.Sleep(moment)
		_, _ = io.WriteString(connection, s.more)
	}
	select {
	case s.played <- struct{}{}:
	default: // it is nil, or the request came twice
	}
	switch s.then {
	case keeps:
		return true
	case halfCloses:
		if half, ok := connection.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
		rawtest.Discard(connection)
	case stalls:
		_ = connection.SetReadDeadline(time.Now().Add(2 * limit))
		rawtest.Discard(connection)
	case resets:
		if below, ok := connection.(*tls.Conn); ok {
			connection = below.NetConn()
		}
		_ = connection.(*net.TCPConn).SetLinger(0)
	case closes:
	}
	return false
}
