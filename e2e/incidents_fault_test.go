// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/e2e/loopback"
)

const (
	// faultLifetime is how long a resolver's tokens live here: an outage of its is felt
	// when the last has expired.
	faultLifetime = 8 * time.Second
	// pairLeft is how long a static pair has left when it is about to run out.
	pairLeft = 20 * time.Second
	farAway  = 30 * 24 * time.Hour
	// storageSize is the size of the disk that the storage has for itself, in bytes.
	storageSize = 1 << 20
)

// faults are what the incidents break.
type faults struct {
	secret, signature, expire string // files
	storage                   string // a directory with a disk of its own
	resolverDown, dnsDown     atomic.Bool
	refuserRefuses, clockOff  atomic.Bool

	resolver, refuser, sharedResolver, named, timed *httptest.Server
	nameServer                                      string
}

const upstreamName = "upload.test"

func newFaults(t *testing.T) *faults {
	t.Helper()
	home := t.TempDir()
	f := &faults{
		secret: filepath.Join(home, "secret"), signature: filepath.Join(home, "signature"), expire: filepath.Join(home, "expire"),
		storage: filepath.Join(home, "storage"),
	}
	write(t, f.secret, "demosecretkey")
	f.writePair(t, farAway)
	mountDisk(t, f.storage, storageSize)
	f.resolver = httptest.NewServer(f.signer(&f.resolverDown, http.StatusInternalServerError))
	f.refuser = httptest.NewServer(f.signer(&f.refuserRefuses, http.StatusForbidden))
	f.sharedResolver = httptest.NewServer(f.signer(new(atomic.Bool), 0))
	f.named, f.timed = httptest.NewServer(http.HandlerFunc(f.takeNamed)), httptest.NewTLSServer(http.HandlerFunc(f.takeTimed))
	for _, server := range []*httptest.Server{f.resolver, f.refuser, f.sharedResolver, f.named, f.timed} {
		t.Cleanup(server.Close)
	}
	f.serveNames(t)
	return f
}

// signer is a back end that signs, unless it is down: then it responds with a status.
func (f *faults) signer(down *atomic.Bool, status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			http.Error(w, "the database is away", status)
			return
		}
		expire := strconv.FormatInt(time.Now().Add(faultLifetime).Unix(), 10)
		fmt.Fprintf(w, `{"secureSignature":"%s","secureExpire":"%s"}`, signatureOf(expire), expire)
	}
}

// takeNamed is an Upload API whose name is looked up for each upload, since it keeps no
// connection.
func (f *faults) takeNamed(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Connection", "close")
	take(w)
}

// takeTimed is an Upload API by whose clock signatures expire. It is ten minutes ahead
// while it is to be off.
func (f *faults) takeTimed(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	if f.clockOff.Load() {
		now = now.Add(10 * time.Minute)
	}
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	expire, err := strconv.ParseInt(r.FormValue("expire"), 10, 64)
	if err != nil || expire <= now.Unix() {
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "Expired signature.")
		return
	}
	take(w)
}

func take(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, `{"file":"6c5e9526-b0fe-4739-8975-72e8d5ee6342"}`)
}

// serveNames is a name server that knows the upstream's name, unless it is to be down.
func (f *faults) serveNames(t *testing.T) {
	t.Helper()
	address, stop, err := loopback.ServeNames(func(name string) bool { return name == upstreamName && !f.dnsDown.Load() })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stop() })
	f.nameServer = address
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// writePair puts a static pair into its files.
func (f *faults) writePair(t *testing.T, left time.Duration) {
	t.Helper()
	expire := strconv.FormatInt(time.Now().Add(left).Unix(), 10)
	write(t, f.signature, signatureOf(expire))
	write(t, f.expire, expire)
}

// breakStorage fills the disk of the storage, and mendStorage makes room again.
func (f *faults) breakStorage(t *testing.T) {
	t.Helper()
	filler, err := os.Create(filepath.Join(f.storage, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = filler.Close() }()
	if _, err := filler.Write(make([]byte, storageSize)); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
}

func (f *faults) mendStorage(t *testing.T) {
	t.Helper()
	if err := os.Remove(filepath.Join(f.storage, "filler")); err != nil {
		t.Fatal(err)
	}
}
