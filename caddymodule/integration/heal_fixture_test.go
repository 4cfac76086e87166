// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// judge is an upstream that takes nothing but what is signed with its secret,
// by its clock, and gives the file back.
type judge struct {
	*httptest.Server

	mu       sync.Mutex
	secret   string
	ahead    time.Duration // its clock, of the gateway's
	accepted int
	rejected map[string]int // by what it said
	versions map[string]int // of HTTP
}

func startJudge(t *testing.T, secret string, secure bool) *judge {
	t.Helper()
	j := &judge{secret: secret, rejected: make(map[string]int), versions: make(map[string]int)}
	j.Server = httptest.NewUnstartedServer(http.HandlerFunc(j.serve))
	if secure {
		j.EnableHTTP2 = true
		j.StartTLS()
	} else {
		j.Start()
	}
	t.Cleanup(j.Close)
	return j
}

func (j *judge) serve(w http.ResponseWriter, r *http.Request) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.versions[r.Proto]++
	now := time.Now().Add(j.ahead)
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	content, refusal := j.judge(r, now)
	if refusal != nil {
		j.rejected[refusal.Message]++
		refusal.Write(w, r)
		return
	}
	j.accepted++
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"file": content})
}

// judge returns what was uploaded, or why it is not taken.
func (j *judge) judge(r *http.Request, now time.Time) (string, *uploadapi.Error) {
	content := r.FormValue("source_url")
	if upload, _, err := r.FormFile("file"); err == nil {
		data, _ := io.ReadAll(upload)
		content = string(data)
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		switch _, err := token.VerifyAccessToken(j.secret, bearer, now); {
		case err == nil:
			return content, nil
		case strings.Contains(err.Error(), "expired"):
			return "", uploadapi.ErrAccessTokenExpired
		default:
			return "", uploadapi.AccessTokenInvalid(err.Error())
		}
	}
	expire, _ := strconv.ParseInt(r.FormValue("expire"), 10, 64)
	switch {
	case len(r.Form["signature"]) != 1 || len(r.Form["expire"]) != 1:
		return "", uploadapi.ErrSignatureRequired
	case expire < now.Unix():
		return "", uploadapi.ErrSignatureExpired
	case token.Sign(j.secret, r.FormValue("expire")) != r.FormValue("signature"):
		return "", uploadapi.ErrSignatureInvalid
	}
	return content, nil
}

func (j *judge) set(secret string, ahead time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.secret, j.ahead = secret, ahead
}

// count returns what was accepted and rejected since it was asked last.
func (j *judge) count() (accepted int, rejected string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	accepted = j.accepted
	if len(j.rejected) > 0 {
		rejected = fmt.Sprint(j.rejected)
	}
	j.accepted, j.rejected = 0, make(map[string]int)
	return accepted, rejected
}

// fickle is a resolver whose first credential, for each of its paths, is made
// with the secret of another project.
type fickle struct {
	*httptest.Server
	mu    sync.Mutex
	calls map[string]int
}

func startFickle(t *testing.T, secret string) *fickle {
	t.Helper()
	f := &fickle{calls: make(map[string]int)}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		used := secret
		if f.count(r.URL.Path, 1) == 1 {
			used = "canary-of-another-project"
		}
		minted := token.Mint(used, time.Now(), time.Hour)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"secureSignature":%q,"secureExpire":"%d"}`, minted.Signature, minted.Expire)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fickle) count(path string, more int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[path] += more
	return f.calls[path]
}

// wantFile checks that a response gives the content back.
func wantFile(t *testing.T, response *http.Response, content string) {
	t.Helper()
	body := readAll(t, response)
	var files map[string]string
	if err := json.Unmarshal([]byte(body), &files); err != nil || response.StatusCode != http.StatusOK || files["file"] != content {
		t.Errorf("response %d %.200s", response.StatusCode, body)
	}
}

// logged returns how often Caddy has logged a message.
func (c *caddyProcess) logged(message string) int {
	return strings.Count(c.output.String(), fmt.Sprintf(`"msg":%q`, message))
}
