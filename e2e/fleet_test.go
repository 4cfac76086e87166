// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

const (
	fleetSize    = 3
	fleetUploads = 1000
	// fleetInterval is the time from one upload to the next.
	fleetInterval = 50 * time.Millisecond
	// A token lives for 8 s, of which it is used for 6, and is renewed when 5
	// are over: by all gateways in the same second.
	fleetLifetime  = 8 * time.Second
	fleetThreshold = 2 * time.Second
	fleetRenewal   = 5 * time.Second
	// fleetRounding is lost to whole seconds.
	fleetRounding = time.Second
)

// Invariant 6, for a fleet: three gateways that share a Redis get a thousand
// uploads, one every 50 ms, each gateway in turn. While Redis is up, the
// resolver is asked once for each token: the calls are as many as the tokens
// that uploads carry, none comes sooner after the one before than a token is to
// be renewed, and all gateways use what one of them got. Half-way, Redis is
// killed. No upload fails, before or after; each gateway asks by itself then,
// and not more often than it would have to alone.
func TestInvariant6AFleetSharesTokensThroughRedis(t *testing.T) {
	t.Setenv("CADDY", binaryWithRedis(t))
	redis := startRedis(t)
	resolver := startResolver(t)
	upstream := startFleetUpstream(t)
	gateways := make([]string, fleetSize)
	for i := range gateways {
		gateways[i] = freeAddress(t)
		start(t, fmt.Sprintf(`http://%s {
	uploadcare {
		project demopublickey {
			resolver %s
			threshold %s
			shared
		}
		upstream %s
	}
}
`, gateways[i], resolver.URL, fleetThreshold, upstream.URL), fmt.Sprintf("storage redis {\n\t\thost 127.0.0.1\n\t\tport %s\n\t}", redis.Port))
	}

	var uploads sync.WaitGroup
	began, killed := time.Now(), time.Time{}
	for i := range fleetUploads {
		if i == fleetUploads/2 {
			uploads.Wait()
			killed = time.Now()
			redis.Kill()
		}
		uploads.Go(func() { uploadToFleet(t, gateways[i%fleetSize]) })
		time.Sleep(fleetInterval)
	}
	uploads.Wait()
	ended := time.Now()

	together, alone := resolver.callsUntil(killed)
	t.Logf("%d uploads in %s; the resolver was asked %d times in %s with Redis, %d times in %s without",
		fleetUploads, ended.Sub(began).Round(time.Second), len(together), killed.Sub(began).Round(time.Second), len(alone), ended.Sub(killed).Round(time.Second))
	for i := 1; i < len(together); i++ {
		if gap := together[i].Sub(together[i-1]); gap < fleetRenewal-fleetRounding || gap > fleetLifetime {
			t.Errorf("call %d came %s after the one before", i+1, gap)
		}
	}
	tokens := upstream.usersUntil(killed)
	// A token that was due just then may have come before the first upload with it.
	if calls := len(together); calls < 3 || calls < len(tokens) || calls > len(tokens)+1 {
		t.Errorf("%d calls for %d tokens", calls, len(tokens))
	}
	last := upstream.lastExpiryUntil(killed)
	for expire, users := range tokens {
		if len(users) != fleetSize && expire != last {
			t.Errorf("the token that expires at %s was used by %d gateways", expire, len(users))
		}
	}
	most := fleetSize * (int(ended.Sub(killed)/(fleetRenewal-fleetRounding)) + 1)
	if calls := len(alone); calls < fleetSize || calls > most {
		t.Errorf("without Redis there were %d calls, not %d to %d", calls, fleetSize, most)
	}
}

// binaryWithRedis returns a binary that has the storage: CADDY if it does.
func binaryWithRedis(t *testing.T) string {
	t.Helper()
	if binary := os.Getenv("CADDY"); binary != "" {
		modules, err := exec.Command(binary, "list-modules").Output()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(modules), "caddy.storage.redis") {
			return binary
		}
	}
	binary := filepath.Join(t.TempDir(), "caddy")
	if output, err := exec.Command("go", "build", "-o", binary, "../cmd/caddy").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, output)
	}
	return binary
}

// startRedis runs a Redis for one test.
func startRedis(t *testing.T) *loopback.Redis {
	t.Helper()
	redis, err := loopback.NewRedis(t.TempDir())
	if err == nil {
		err = redis.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		redis.Kill()
		if t.Failed() {
			t.Logf("Redis:\n%s", redis.Output())
		}
	})
	return redis
}

// fleetResolver is a back end that signs, and counts.
type fleetResolver struct {
	*httptest.Server
	mu    sync.Mutex
	calls []time.Time
}

func startResolver(t *testing.T) *fleetResolver {
	t.Helper()
	r := new(fleetResolver)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now()
		r.mu.Lock()
		r.calls = append(r.calls, now)
		r.mu.Unlock()
		expire := strconv.FormatInt(now.Add(fleetLifetime).Unix(), 10)
		fmt.Fprintf(w, `{"secureSignature":"%s","secureExpire":"%s"}`, signatureOf(expire), expire)
	}))
	t.Cleanup(r.Close)
	return r
}

// callsUntil returns the calls before and after a moment.
func (r *fleetResolver) callsUntil(moment time.Time) (before, after []time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, call := range r.calls {
		if call.Before(moment) {
			before = append(before, call)
		} else {
			after = append(after, call)
		}
	}
	return before, after
}

func signatureOf(expire string) string {
	mac := hmac.New(sha256.New, []byte("demosecretkey"))
	mac.Write([]byte(expire))
	return hex.EncodeToString(mac.Sum(nil))
}

// fleetUpstream is an Upload API that takes what is signed well and has not
// expired, and remembers which gateway used which token.
type fleetUpstream struct {
	*httptest.Server
	mu   sync.Mutex
	seen []fleetUse
}

type fleetUse struct {
	at              time.Time
	expire, gateway string
}

func startFleetUpstream(t *testing.T) *fleetUpstream {
	t.Helper()
	u := new(fleetUpstream)
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now, expire := time.Now(), r.FormValue("expire")
		seconds, err := strconv.ParseInt(expire, 10, 64)
		if err != nil || now.Unix() >= seconds || r.FormValue("signature") != signatureOf(expire) {
			http.Error(w, fmt.Sprintf("refused: expire %q at %d", expire, now.Unix()), http.StatusForbidden)
			return
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		u.seen = append(u.seen, fleetUse{now, expire, r.Header.Get("X-Forwarded-Host")})
	}))
	t.Cleanup(u.Close)
	return u
}

// usersUntil returns the gateways that used each token until a moment.
func (u *fleetUpstream) usersUntil(moment time.Time) map[string]map[string]bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	users := make(map[string]map[string]bool)
	for _, use := range u.seen {
		if use.at.After(moment) {
			continue
		}
		if users[use.expire] == nil {
			users[use.expire] = make(map[string]bool)
		}
		users[use.expire][use.gateway] = true
	}
	return users
}

// lastExpiryUntil returns the expiry of the last token used until a moment.
func (u *fleetUpstream) lastExpiryUntil(moment time.Time) (last string) {
	for expire := range u.usersUntil(moment) {
		last = max(last, expire)
	}
	return last
}

// uploadToFleet uploads a small file through one gateway.
func uploadToFleet(t *testing.T, gateway string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("UPLOADCARE_PUB_KEY", "demopublickey")
	_ = form.WriteField("signature", "stale")
	file, _ := form.CreateFormFile("file", "a.txt")
	_, _ = io.WriteString(file, "a file")
	_ = form.Close()
	client := &http.Client{Timeout: fleetLifetime}
	response, err := client.Post("http://"+gateway+"/base/", form.FormDataContentType(), &body)
	if err != nil {
		t.Error(err)
		return
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		t.Errorf("response %d %s", response.StatusCode, text)
	}
}
