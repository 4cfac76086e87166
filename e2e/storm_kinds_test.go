// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// stormKind is a kind of uploads, and what becomes of them.
type stormKind struct {
	what, project, endpoint, outcome string
	dead                             bool   // through the site whose upstream is
	unnamed                          bool   // the project is not known in the end
	ends                             int    // the client ends this many bytes before the end of its body, or 0
	leaves                           bool   // the client leaves when its upload has come to the upstream
	behaviour                        string // of the upstream, one of those below
}

const (
	behaviourHeader = "X-Behaviour"
	idHeader        = "X-Id"

	takes     = "takes"
	rejects   = "rejects"
	mistrusts = "mistrusts" // rejects each key's signature, so that the upload is retried
	fails     = "fails"
	resets    = "resets"
	waits     = "waits" // until the client has left
)

// stormKinds are all kinds, each of which comes as often.
var stormKinds = func() (all []stormKind) {
	for _, project := range []string{"first", "second"} {
		for _, endpoint := range []string{"/base/", "/multipart/start/", "/from_url/", "/group/", "/iframe/"} {
			add := func(kind stormKind) {
				kind.project, kind.endpoint = project, endpoint
				all = append(all, kind)
			}
			add(stormKind{what: "accepted", outcome: "accepted", behaviour: takes})
			add(stormKind{what: "rejected", outcome: "rejected", behaviour: rejects})
			add(stormKind{what: "rejected and retried", outcome: "rejected", behaviour: mistrusts})
			add(stormKind{what: "failed", outcome: "upstream_error", behaviour: fails})
			add(stormKind{what: "broken off", outcome: "upstream_error", behaviour: resets})
			if endpoint == "/from_url/" || endpoint == "/group/" {
				continue
			}
			add(stormKind{what: "not sent", outcome: "upstream_error", dead: true, unnamed: true})
			add(stormKind{what: "ended early", outcome: "client_gone", behaviour: takes, ends: 20})
			add(stormKind{what: "left", outcome: "client_gone", behaviour: waits, leaves: true})
		}
	}
	for _, endpoint := range []string{"/base/", "/group/"} {
		all = append(all, stormKind{what: "of no project", project: "unheard", endpoint: endpoint, outcome: "refused", unnamed: true, behaviour: takes})
	}
	return all
}()

// counted is the project that the upload is counted for.
func (k stormKind) counted() string {
	if k.unnamed {
		return ""
	}
	return k.project
}

// body returns the upload's body and its media type.
func (k stormKind) body() (body, mediaType string) {
	if k.endpoint == "/from_url/" || k.endpoint == "/group/" {
		return "pub_key=" + k.project + "&signature=" + staleSignature + "&expire=" + staleExpire + "&source_url=http://example.com/&files[]=6c5e9526-b0fe-4739-8975-72e8d5ee6342",
			"application/x-www-form-urlencoded"
	}
	var form strings.Builder
	for name, value := range map[string]string{"UPLOADCARE_PUB_KEY": k.project, "signature": staleSignature} {
		fmt.Fprintf(&form, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n%s\r\n", boundary, name, value)
	}
	fmt.Fprintf(&form, "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n--%s--\r\n", boundary, strings.Repeat("meow", 500), boundary)
	return form.String(), "multipart/form-data; boundary=" + boundary
}

var errStatus = errors.New("the status is not that of the outcome")

// insist sends an upload until its connection is accepted: a connection that waits for that
// while Caddy opens its listener anew is reset. Nothing has read the upload's head then.
func (s *storm) insist(k stormKind) (err error) {
	for range 10 {
		err = s.send(k)
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			return err
		}
		s.resets.Add(1)
	}
	return err
}

// send sends an upload of a kind.
func (s *storm) send(k stormKind) error {
	address := s.gateway
	if k.dead {
		address = s.dead
	}
	if k.ends > 0 || k.leaves {
		return s.leave(k, address)
	}
	body, mediaType := k.body()
	request, err := http.NewRequest(http.MethodPost, "http://"+address+k.endpoint, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", mediaType)
	request.Header.Set(behaviourHeader, k.behaviour)
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode == http.StatusOK) != (k.outcome == "accepted") {
		err = fmt.Errorf("%w: %d %s", errStatus, response.StatusCode, text)
	}
	return err
}

// leave sends an upload and leaves, or most of one and ends the request.
func (s *storm) leave(k stormKind, address string) error {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(time.Minute))
	id, arrived := strconv.FormatInt(s.ids.Add(1), 10), make(chan struct{})
	s.arrivals.Store(id, sync.OnceFunc(func() { close(arrived) }))
	defer s.arrivals.Delete(id)
	body, mediaType := k.body()
	_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%s: %s\r\n%s: %s\r\nContent-Length: %d\r\n\r\n%s",
		k.endpoint, address, mediaType, behaviourHeader, k.behaviour, idHeader, id, len(body), body[:len(body)-k.ends])
	if err != nil {
		return err
	}
	responded := make(chan error, 1)
	if k.ends > 0 {
		_ = connection.(*net.TCPConn).CloseWrite()
	}
	go func() {
		_, err := http.ReadResponse(bufio.NewReader(connection), nil)
		responded <- err
	}()
	select {
	case <-arrived: // as those that leave do, and those that end early do not, for their end is missing
		if k.leaves {
			return nil
		}
		return <-responded
	case err = <-responded:
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		return err
	}
}

// startUpstream serves an Upload API that behaves as a request's header says.
func (s *storm) startUpstream(t *testing.T) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		plain := func(status int, text string) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.WriteHeader(status)
			fmt.Fprint(w, text)
		}
		switch r.Header.Get(behaviourHeader) {
		case takes:
			take(w)
		case rejects:
			plain(http.StatusBadRequest, "File is too large.")
		case mistrusts:
			plain(http.StatusForbidden, "Invalid signature.")
		case fails:
			plain(http.StatusInternalServerError, "Internal error.")
		case resets:
			panic(http.ErrAbortHandler)
		case waits:
			if arrived, ok := s.arrivals.Load(r.Header.Get(idHeader)); ok {
				arrived.(func())()
			}
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	s.upstream = server.URL
}
