// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// Invariant 4, in part: no goroutine outlives its request, nor its config.
func TestInvariant4NoGoroutineIsLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	d := newDemo(t)
	config := "{\n\tadmin off\n\tpersist_config off\n\tlog {\n\t\toutput discard\n\t}\n}\n" +
		strings.SplitAfterN(d.caddyfile("", ""), "}\n}\n", 2)[1] // without TLS, whose background work is its own
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(adapted, true); err != nil {
		t.Fatal(err)
	}

	transport := &http.Transport{}
	slowly := &http.Client{Transport: transport}
	form := formOf(file("file", photo), key, field("signature", "old"))
	var uploads sync.WaitGroup
	for i := range 32 {
		uploads.Go(func() {
			switch i % 4 {
			case 0, 1: // slow, and accepted
				response, err := slowly.Do(newUpload(t, "http://"+d.plain+"/base/", trickle(form, 20, 50*time.Millisecond)))
				if err != nil {
					t.Error(err)
					return
				}
				checkStored(t, d, response, "file", photo)
			case 2: // refused half-way
				other := strings.Replace(form, "demopublickey", "another", 1)
				if response, err := slowly.Do(newUpload(t, "http://"+d.plain+"/base/", trickle(other, 20, 50*time.Millisecond))); err == nil {
					_ = response.Body.Close()
				}
			case 3: // aborted
				connection, err := net.Dial("tcp", d.plain)
				if err != nil {
					t.Error(err)
					return
				}
				fmt.Fprintf(connection, "POST /base/ HTTP/1.1\r\nHost: %s\r\nContent-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s",
					d.plain, boundary, len(form), form[:len(form)/2])
				time.Sleep(500 * time.Millisecond)
				_ = connection.Close()
			}
		})
	}
	uploads.Wait()
	transport.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()

	// The config is still up: no goroutine may be in a handler or a body.
	eventually(t, "the requests' goroutines have ended", func() bool {
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		return !bytes.Contains(stacks, []byte("caddyhttp.(*Server).ServeHTTP")) &&
			!bytes.Contains(stacks, []byte("caddymodule.(*")) && !bytes.Contains(stacks, []byte("form.(*Editor)"))
	})
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	// The lock of a storage that was being cleaned ends a little later.
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"))
}
