// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowUploads are uploads over all protocols, each with a connection and a file of its own,
// in batches. The upstreams are this process, which outlives every gateway.
type slowUploads struct {
	t       *testing.T
	running sync.WaitGroup
	batches int

	mu       sync.Mutex
	begun    map[string]int            // by batch, at the upstreams
	underWay map[string]map[string]int // those that have not ended, by batch and upstream
	stored   map[string]int            // how often each file arrived whole and signed
	accepted []string                  // files whose clients got a 200
	failed   []string                  // the others, and why
}

func newSlowUploads(t *testing.T) *slowUploads {
	t.Helper()
	return &slowUploads{t: t, begun: make(map[string]int), underWay: make(map[string]map[string]int), stored: make(map[string]int)}
}

// upstream starts an upstream.
func (s *slowUploads) upstream() (address string) {
	s.t.Helper()
	server := startUpstream(s.t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost { // others show that the gateway is up
			s.store(w, r)
		}
	})
	return strings.TrimPrefix(server.URL, "http://")
}

const batchHeader = "X-Batch"

// store takes an upload. A form that breaks off is not stored.
func (s *slowUploads) store(w http.ResponseWriter, r *http.Request) {
	upstream := r.Context().Value(http.LocalAddrContextKey).(net.Addr).String()
	count := func(begun, underWay int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		of := r.Header.Get(batchHeader)
		s.begun[of] += begun
		if s.underWay[of] == nil {
			s.underWay[of] = make(map[string]int)
		}
		s.underWay[of][upstream] += underWay
	}
	count(1, 1)
	defer count(0, -1)
	if r.ParseMultipartForm(1<<20) != nil {
		return
	}
	form := r.MultipartForm
	if len(form.File["file"]) != 1 || len(form.Value["signature"]) != 1 || len(form.Value["expire"]) != 1 {
		http.Error(w, "not signed once", http.StatusBadRequest)
		return
	}
	file, _ := form.File["file"][0].Open()
	content, _ := io.ReadAll(file)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stored[string(content)]++
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"file":"00000000-0000-0000-0000-000000000000"}`)
}

// batch is uploads that began together. Each sends for two seconds, and then waits with its
// last piece until that is released.
type batch struct {
	s     *slowUploads
	name  string
	count int
	rest  chan struct{}
}

// begin begins a batch, over the protocols in turn, and waits until all of it has begun to
// arrive.
func (s *slowUploads) begin(url string, count int) *batch {
	s.t.Helper()
	s.batches++
	b := &batch{s, strconv.Itoa(s.batches), count, make(chan struct{})}
	for i := range count {
		version := []string{"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"}[i%3]
		content := fmt.Sprintf("%s %d of %d in batch %s: %s", version, i, count, b.name, photo)
		client := client(s.t, version)
		request := newUpload(s.t, url, heldBack(formOf(key, file("file", content)), b.rest))
		request.Header.Set(batchHeader, b.name)
		s.running.Go(func() { s.send(client, request, version, content) })
	}
	eventually(s.t, "all uploads are under way", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.begun[b.name] >= count || len(s.failed) > 0
	})
	b.checkUnderWay("begin")
	return b
}

// send sends an upload, and notes what has become of it.
func (s *slowUploads) send(client *http.Client, request *http.Request, version, content string) {
	response, err := client.Do(request)
	if err == nil {
		var body []byte
		body, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err == nil && (response.StatusCode != http.StatusOK || response.Proto != version) {
			err = fmt.Errorf("%s %s %s", response.Proto, response.Status, body)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed = append(s.failed, fmt.Sprintf("%.40s: %v", content, err))
		return
	}
	s.accepted = append(s.accepted, content)
}

// heldBack yields data in pieces, and the last byte of it once that is released.
func heldBack(data string, release <-chan struct{}) io.Reader {
	most, last := data[:len(data)-1], data[len(data)-1:]
	return io.MultiReader(trickle(most, 20, 100*time.Millisecond), until(release), strings.NewReader(last))
}

// until is a reader that ends when its channel is closed.
type until <-chan struct{}

func (u until) Read([]byte) (int, error) {
	<-u
	return 0, io.EOF
}

// release has the batch send the rest.
func (b *batch) release() { close(b.rest) }

// at returns how many of the batch have begun to arrive at an upstream, and have not ended.
func (b *batch) at(upstream string) int {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	return b.s.underWay[b.name][upstream]
}

// unfinished returns how many of the batch have begun to arrive, and have not ended.
func (b *batch) unfinished() (count int) {
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	for n := range maps.Values(b.s.underWay[b.name]) {
		count += n
	}
	return count
}

// checkUnderWay checks that none of the batch has ended.
func (b *batch) checkUnderWay(when string) {
	b.s.t.Helper()
	if n := b.unfinished(); n != b.count {
		b.s.t.Fatalf("%s: of %d uploads %d are under way; lost: %q", when, b.count, n, b.s.lost())
	}
}

// lost returns the uploads that have failed, and why.
func (s *slowUploads) lost() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.failed)
}

// end waits for the uploads. None may have been lost, and none doubled.
func (s *slowUploads) end(count int) {
	s.t.Helper()
	s.running.Wait()
	for _, failed := range s.failed {
		s.t.Errorf("lost: %s", failed)
	}
	if len(s.accepted) != count || len(s.stored) != count {
		s.t.Errorf("%d uploads: %d accepted, %d stored", count, len(s.accepted), len(s.stored))
	}
	for _, content := range s.accepted {
		if times := s.stored[content]; times != 1 {
			s.t.Errorf("%.40s: stored %d times", content, times)
		}
	}
}
