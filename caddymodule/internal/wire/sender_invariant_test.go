// SPDX-License-Identifier: Apache-2.0

package wire_test

import (
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/wire"
)

// marked is the byte at an offset of a body. It differs between uploads.
func marked(upload byte, place int) byte { return upload ^ byte(place*31>>3) ^ byte(place) }

// markedBody yields a body in pieces of any size, with pauses of any length.
type markedBody struct {
	upload byte
	size   int
	place  int
	random *rand.Rand
}

func (b *markedBody) Read(p []byte) (int, error) {
	if b.random.IntN(8) == 0 {
		time.Sleep(time.Duration(b.random.IntN(int(3 * wire.MaxHold))))
	}
	if b.place == b.size {
		return 0, io.EOF
	}
	n := min(len(p), b.size-b.place, 1+b.random.IntN(1<<b.random.IntN(19)))
	for i := range n {
		p[i] = marked(b.upload, b.place+i)
	}
	// The rest of the buffer may be written to, as a Read may use it.
	clear(p[n:min(len(p), n+100)])
	b.place += n
	return n, nil
}

// received reads what arrives, at some speed, and returns how many bytes of the
// body came and whether they are the upload's. After limit bytes it hangs up.
func received(connection net.Conn, upload byte, limit int, random *rand.Rand) (size int, sound bool) {
	defer connection.Close()
	if _, err := io.ReadFull(connection, make([]byte, len(head))); err != nil {
		return 0, true
	}
	for b := make([]byte, 64<<10); size < limit; {
		if random.IntN(16) == 0 {
			time.Sleep(time.Duration(random.IntN(int(3 * wire.MaxHold))))
		}
		n, err := connection.Read(b[:1+random.IntN(len(b))])
		for i := range n {
			if b[i] != marked(upload, size+i) {
				return size, false
			}
		}
		if size += n; err != nil {
			break
		}
	}
	return size, true
}

// Many uploads share the buffers. Whichever of them breaks off, and whenever, what arrives
// of each is a beginning of what was sent, and the reported number
// of bytes is what was written.
func TestUploadsThatShareBuffersDoNotMeet(t *testing.T) {
	certified := httptest.NewUnstartedServer(nil)
	certified.StartTLS()
	t.Cleanup(certified.Close)
	for name, secure := range map[string]bool{"plaintext": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			var uploads sync.WaitGroup
			for i := range 64 {
				uploads.Go(func() { oneOfMany(t, byte(i), secure, certified.TLS) })
			}
			uploads.Wait()
			if inUse := wire.Larger(); inUse != 0 {
				t.Errorf("%d bytes of larger buffers are not given back", inUse)
			}
		})
	}
}

func oneOfMany(t *testing.T, upload byte, secure bool, config *tls.Config) {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(upload), 1))
	for range 4 {
		client, server := connections(t)
		c := wire.NewConn(client, nil, false)
		if secure {
			records := wire.NewRecords(client)
			secured := tls.Client(records, &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true})
			tlsServer := tls.Server(server, config)
			shaken := make(chan error, 1)
			go func() { shaken <- tlsServer.Handshake() }()
			if err := errors.Join(secured.Handshake(), <-shaken); err != nil {
				t.Error(err)
				return
			}
			c, server = wire.NewConn(secured, records, false), tlsServer
		}
		body := &markedBody{upload: upload, size: random.IntN(1 << 20), random: rand.New(rand.NewPCG(uint64(upload), 2))}
		limit := body.size + 1
		closes := random.IntN(3)
		switch closes {
		case 1: // the upstream hangs up
			limit = random.IntN(limit)
		case 2: // the client of the gateway is gone, and net/http hangs up from another goroutine
			time.AfterFunc(time.Duration(random.IntN(int(20*wire.MaxHold))), func() { _ = c.Close() })
		}
		type outcome struct {
			size  int
			sound bool
		}
		arrived := make(chan outcome, 1)
		receiver := rand.New(rand.NewPCG(uint64(upload), 3))
		go func() {
			size, sound := received(server, upload, limit, receiver)
			arrived <- outcome{size, sound}
		}()
		var n int64
		_, err := io.WriteString(c, head)
		if err == nil {
			n, err = c.ReadFrom(io.LimitReader(body, int64(body.size)))
		}
		_ = c.Close()
		got := <-arrived
		switch {
		case !got.sound:
			t.Errorf("upload %d: byte %d is another's", upload, got.size)
		case err == nil && (got.size != body.size && closes == 0 || int(n) != body.size):
			t.Errorf("upload %d: %d of %d bytes arrived, %d are said to be written", upload, got.size, body.size, n)
		case err != nil && closes == 0:
			t.Errorf("upload %d: %v", upload, err)
		case int(n) > body.size:
			t.Errorf("upload %d: %d bytes are said to be written of %d", upload, n, body.size)
		}
	}
}

// What the timer writes is not written again, however long the write takes, and
// what comes meanwhile follows it.
func TestABodyThatGoesOnWhileTheTimerWrites(t *testing.T) {
	w := &sink{slow: 2 * wire.MaxHold} // of real time: who waits for a mutex stops a bubble's clock
	body := &script{steps: []step{{0, 100}, {2 * wire.MaxHold, 100}, {wire.MaxHold, 100}, {wire.MaxHold, wire.SmallBuffer}, {2 * wire.MaxHold, 5}}}
	n, err := upload(t, wire.NewConn(w, nil, false), head, body)
	if n != int64(body.read.Len()) || err != nil || w.written() != head+body.read.String() {
		t.Errorf("got %d, %v, writes of %v", n, err, w.sizes())
	}
}

// Two uploads follow each other on one connection, and the second begins as the
// first did: nothing of one is in the other.
func TestUploadsFollowEachOtherOnAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(sink)
		c := wire.NewConn(w, nil, false)
		var want strings.Builder
		for _, steps := range [][]step{
			{{0, 100}}, {{2 * wire.MaxHold, 100}, {2 * wire.MaxHold, 100}}, {{0, 4 * wire.MinLead}}, nil, {{0, 5}, {wire.MaxHold, 5}},
		} {
			body := &script{steps: steps}
			if _, err := upload(t, c, head, body); err != nil {
				t.Fatal(err)
			}
			want.WriteString(head + body.read.String())
			time.Sleep(time.Minute)
		}
		if w.written() != want.String() {
			t.Errorf("writes of %v", w.sizes())
		}
	})
}
