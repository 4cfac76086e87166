// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// Invariant 1 holds for uploads that share the buffers, whether they are
// accepted, rejected or answered before they have come.
func TestInvariant1UploadsThatAreSentAgainAreNotMixedUp(t *testing.T) {
	sign := mustSign(t, withKeys(source.SchemeToken, goodSecret))
	observeAll(sign)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var rejected bool
		err := sign.ServeHTTP(w, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if !rejected && r.Header.Get("X-Reject") == "early" {
				rejected = true
				go func() { _, _ = r.Body.Read(make([]byte, 100)) }() // as the proxy may go on to
				uploadapi.ErrAccessTokenExpired.Write(w, r)
				return nil
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			if !rejected && r.Header.Get("X-Reject") == "late" {
				rejected = true
				uploadapi.ErrAccessTokenExpired.Write(w, r)
				return nil
			}
			_, err = w.Write(body)
			return err
		}))
		if err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	var uploads sync.WaitGroup
	for i := range 16 {
		uploads.Go(func() {
			for j := range 30 {
				form := formOf(demoKey, file("file", "cat.jpg", strings.Repeat(fmt.Sprintf("%d/%d\r\n", i, j), 1+rand.IntN(6000))))
				request, err := http.NewRequest(http.MethodPost, server.URL+"/base/", strings.NewReader(form))
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Content-Type", "multipart/form-data; boundary="+testBoundary)
				request.Header.Set("X-Reject", []string{"", "early", "late"}[j%3])
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				arrived, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if rejected := response.StatusCode == http.StatusUnauthorized; rejected && len(form) <= maxKeptSize || !rejected && string(arrived) != form {
					t.Errorf("answer %d, %d of %d bytes, %v", response.StatusCode, len(arrived), len(form), err)
				}
			}
		})
	}
	uploads.Wait()
}

// A credential in the header may be rejected before the body has come: then the
// rest is waited for.
func TestAnEarlyRejectionIsRepeatedWithTheWholeBody(t *testing.T) {
	sign := mustSign(t, withKeys(source.SchemeToken, otherSecret, goodSecret))
	observeAll(sign)
	form := formOfSize(t, 20<<10)
	var arrived string
	attempts := 0
	w := serveBy(t, sign, uploadRequest(form), func(w http.ResponseWriter, r *http.Request) error {
		attempts++
		begin := make([]byte, 1000)
		if _, err := io.ReadFull(r.Body, begin); err != nil {
			t.Error(err)
		}
		if _, err := token.VerifyAccessToken(goodSecret, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), time.Now()); err != nil {
			uploadapi.AccessTokenInvalid(err.Error()).Write(w, r)
			return nil
		}
		rest, err := io.ReadAll(r.Body)
		arrived = string(begin) + string(rest)
		w.WriteHeader(http.StatusOK)
		return err
	})
	if w.Code != http.StatusOK || attempts != 2 || arrived != form {
		t.Errorf("answer %d after %d attempts, %d bytes", w.Code, attempts, len(arrived))
	}
}
