// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

var (
	errRequestTooLargeResponse = refusal(413, "RequestSizeLimitExceededError", "The size of the request is too large.")
	errAccountLimits           = refusal(403, "AccountLimitsExceededError", "Account has reached its limits.")
)

func TestARequestThatSaysItIsTooLargeIsNotRead(t *testing.T) {
	body := formOf(append(signed(), aFile)...)
	f := newFixture(t, func(h *Handler) { h.RequestLimit = int64(len(body)) - 1 })
	for _, target := range []string{"/base/", "/base/?jsonerrors=1"} {
		reader := strings.NewReader(body)
		response := f.do(t, uploadRequestOf(target, reader, int64(len(body))))
		if reader.Len() != len(body) {
			t.Errorf("%d bytes were read", len(body)-reader.Len())
		}
		if target == "/base/" {
			wantRefusal(t, response, errRequestTooLargeResponse)
		} else {
			wantEnvelope(t, response, errRequestTooLargeResponse)
		}
	}
	f.wantNothingKept(t)
}

func TestARequestOfUnknownLengthIsCutAtTheLimit(t *testing.T) {
	body := formOf(append(signed(), file("file", "x", strings.Repeat("x", 1<<20)))...)
	for _, tc := range []struct {
		name  string
		limit int64
		want  *uploadapi.Error
	}{
		{"exactly the limit", int64(len(body)), nil},
		{"one byte too many", int64(len(body)) - 1, errRequestTooLargeResponse},
		{"over the limit in the file", 1 << 10, errRequestTooLargeResponse},
		{"over the limit in the first line", 1, errRequestTooLargeResponse},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, func(h *Handler) { h.RequestLimit = tc.limit })
			response := f.do(t, uploadRequestOf("/base/", strings.NewReader(body), -1))
			if tc.want == nil {
				uuidsOf(t, response)
				return
			}
			wantRefusal(t, response, tc.want)
			f.wantNothingKept(t)
		})
	}
}

func TestAnEpilogueCountsTowardsTheRequestLimit(t *testing.T) {
	body := formOf(append(signed(), aFile)...)
	f := newFixture(t, func(h *Handler) { h.RequestLimit = int64(len(body)) + 10 })
	wantRefusal(t, f.do(t, uploadRequestOf("/base/", strings.NewReader(body+strings.Repeat("e", 11)), -1)), errRequestTooLargeResponse)
	f.wantNothingKept(t)
	uuidsOf(t, f.do(t, uploadRequestOf("/base/", strings.NewReader(body+strings.Repeat("e", 10)), -1)))
}

func TestTheStorageLimitIsOfAllFilesTogether(t *testing.T) {
	f := newFixture(t, func(h *Handler) { h.StorageLimit = 100 })
	content := func(n int) string { return file("file", "x", strings.Repeat("x", n)) }

	f.accepted(t, content(60))
	wantRefusal(t, f.upload(t, append(signed(), content(41))...), errAccountLimits)
	wantEnvelope(t, f.do(t, uploadRequest("/base/?jsonerrors=1", formOf(append(signed(), content(41))...))), errAccountLimits)
	wantRefusal(t, f.upload(t, append(signed(), file("a", "a", strings.Repeat("a", 30)), content(30))...), errAccountLimits)
	if used := f.used(t); used != 60 {
		t.Fatalf("after the refusals %d bytes are counted, want 60", used)
	}
	f.accepted(t, content(40))
	wantRefusal(t, f.upload(t, append(signed(), content(1))...), errAccountLimits)
	f.accepted(t, content(0))
}

func TestTheStorageLimitIsShownOnlyToAuthorizedClients(t *testing.T) {
	f := newFixture(t, func(h *Handler) { h.StorageLimit = 1 })
	wantRefusal(t, f.upload(t, publicKey, aFile), refusal(400, "SignatureRequiredError", "`signature` is required."))
	f.wantNothingKept(t)
}

func TestEveryRefusalGivesItsBytesBack(t *testing.T) {
	f := newFixture(t, func(h *Handler) { h.StorageLimit = 1 << 20 })
	half := file("file", "x", strings.Repeat("x", 600<<10)) // two of these do not fit
	for range 3 {
		for _, parts := range [][]string{
			{publicKey, half},
			append(signed(), half, field("a", "\x00")),
			append(signed(), half, field("signature", "again")),
			append(signed(), half, half),
		} {
			if response := f.upload(t, parts...); response.Code == 200 {
				t.Fatal("a wrong upload was accepted")
			}
			f.wantNothingKept(t)
		}
	}
	f.accepted(t, half)
}

func TestBytesUnderWayCountTowardsTheStorageLimit(t *testing.T) {
	f := newFixture(t, func(h *Handler) { h.StorageLimit = 256 << 10 })
	second := append(signed(), file("file", "x", strings.Repeat("x", 100<<10)))
	first := startUpload(f)
	first.write(t, strings.TrimSuffix(formOf(append(signed(), file("file", "x", strings.Repeat("x", 200<<10)))...), "\r\n"))
	// What is written has been read, but perhaps not counted yet.
	for deadline := time.Now().Add(time.Minute); f.used(t) < 190<<10; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are counted", f.used(t))
		}
	}

	wantRefusal(t, f.upload(t, second...), errAccountLimits)
	if err := first.abort(); !isClientGone(err) {
		t.Fatalf("the aborted upload returned %v", err)
	}
	f.wantNothingKept(t)
	uuidsOf(t, f.upload(t, second...))
}

func TestTheStorageLimitHoldsUnderConcurrency(t *testing.T) {
	const size, limit = 96 << 10, 5*96<<10 + 1000
	f := newFixture(t, func(h *Handler) { h.StorageLimit = limit })
	body := formOf(append(signed(), file("file", "x", strings.Repeat("x", size)))...)

	var accepted, refused atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			recorder := httptest.NewRecorder()
			if err := f.ServeHTTP(recorder, uploadRequest("/base/", body), nil); err != nil {
				t.Errorf("ServeHTTP: %v", err)
			}
			switch recorder.Code {
			case 200:
				accepted.Add(1)
			case errAccountLimits.Status:
				refused.Add(1)
			}
		})
	}
	group.Wait()
	if accepted.Load() > 5 || accepted.Load()+refused.Load() != 16 {
		t.Fatalf("%d accepted and %d refused of 16 where 5 fit", accepted.Load(), refused.Load())
	}
	for range 5 - accepted.Load() {
		uuidsOf(t, f.do(t, uploadRequest("/base/", body)))
	}
	wantRefusal(t, f.do(t, uploadRequest("/base/", body)), errAccountLimits)
	if used := f.used(t); used != 5*size {
		t.Errorf("%d bytes are counted, want %d", used, 5*size)
	}
}

func TestReservationsNeverPassTheLimitTogether(t *testing.T) {
	s := new(store)
	var granted atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				if s.reserve(3, 1000) {
					granted.Add(1)
				}
			}
		})
	}
	group.Wait()
	if granted.Load() != 333 || s.used != 999 {
		t.Errorf("%d reservations were granted and %d bytes counted, want 333 and 999", granted.Load(), s.used)
	}
	if s.reserve(1<<63-1, 1<<63-1) {
		t.Error("a reservation beyond what can be counted was granted")
	}
}

// uploadRequestOf is an upload with a Content-Length, or without one if it is -1.
func uploadRequestOf(target string, body io.Reader, length int64) *http.Request {
	r := streamRequest(target, body)
	r.ContentLength = length
	return r
}
