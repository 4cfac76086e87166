// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// One operation is a file that is uploaded; a group is none.
func TestOperationsAreCounted(t *testing.T) {
	form := func(parts ...string) func() *http.Request {
		return func() *http.Request { return uploadRequest("/base/", formOf(append(parts, publicKey)...)) }
	}
	params := func(target string, values ...string) func() *http.Request {
		return func() *http.Request { return urlencodedRequest(target, pairs(values...)) }
	}
	f := newFixture(t)
	member := f.accepted(t, aFile)["file"]
	second := file("second", "b", "b")
	for _, tc := range []struct {
		name    string
		request func() *http.Request
		takes   int
	}{
		{"a file", form(aFile), 1},
		{"two files", form(aFile, second), 2},
		{"the start of a large one", params("/multipart/start/", "filename", "a", "size", "10485760", "content_type", "image/jpeg"), 1},
		{"a group", params("/group/", "files[0]", member), 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			const limit = 4
			text := accessToken(t, limit, "/*")
			accepted := 0
			for range 2 * limit {
				if f.do(t, authorized(tc.request(), text)).Code != http.StatusOK {
					break
				}
				accepted++
			}
			want := 2 * limit
			if tc.takes > 0 {
				want = limit / tc.takes
			}
			if accepted != want {
				t.Errorf("%d requests were accepted, want %d", accepted, want)
			}
			if another := f.do(t, authorized(tc.request(), accessToken(t, limit, "/*"))); another.Code != http.StatusOK {
				t.Errorf("with another token: %d %s", another.Code, another.Body)
			}
		})
	}
	t.Run("what is refused takes none", func(t *testing.T) {
		text := accessToken(t, 1, "/base/")
		for range 2 {
			wantRefusal(t, f.do(t, authorized(form(aFile, second)(), text)), uploadapi.ErrOperationsLimit)
		}
		uuidsOf(t, f.do(t, authorized(form(aFile)(), text)))
		wantRefusal(t, f.do(t, authorized(form(aFile)(), text)), uploadapi.ErrOperationsLimit)
	})
}

func TestAFetchIsOneOperation(t *testing.T) {
	f := newFixture(t, func(h *Handler) { h.AllowPrivateSources = true })
	source := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("fetched")) }))
	t.Cleanup(source.Close)
	text := accessToken(t, 1, "/from_url/")
	request := func() *http.Request {
		return authorized(httptest.NewRequest(http.MethodGet, "/from_url?source_url="+source.URL, nil), text)
	}
	if response := f.do(t, request()); response.Code != http.StatusOK {
		t.Errorf("response %d %s", response.Code, response.Body)
	}
	wantRefusal(t, f.do(t, request()), uploadapi.ErrOperationsLimit)
}

func TestOperationsAreBoundedInMemoryAndSafeTogether(t *testing.T) {
	var counted operations
	granted := make(chan bool, 100)
	var group sync.WaitGroup
	for range cap(granted) {
		group.Go(func() { granted <- counted.spend("token", 1, 7) })
	}
	group.Wait()
	close(granted)
	count := 0
	for ok := range granted {
		if ok {
			count++
		}
	}
	if count != 7 {
		t.Errorf("%d of 7 operations were granted", count)
	}
	for i := range recentLimit + 10 {
		counted.spend(strconv.Itoa(i), 1, 1)
	}
	if len(counted.spent.entries) != recentLimit || len(counted.spent.order) != recentLimit {
		t.Errorf("%d tokens are kept", len(counted.spent.entries))
	}
	if counted.spend(strconv.Itoa(recentLimit), 1, 1) {
		t.Error("a recent token was forgotten")
	}
}
