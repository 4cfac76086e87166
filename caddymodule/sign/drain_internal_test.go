// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// What comes behind a body that cannot be read is discarded, for as long as the client
// sends. A client that has paused already, or that waits for the response, is not waited for.
func TestOnlyWhoSendsIsReadPastTheBody(t *testing.T) {
	malformed := func() *incomingBody {
		body := &incomingBody{source: readerFunc(func([]byte) (int, error) { return 0, errors.New("malformed chunk") })}
		_, _ = body.Read(make([]byte, 1))
		return body
	}
	for name, test := range map[string]struct {
		body  *incomingBody
		after bool // the response
		reads bool
	}{
		"a malformed chunk":                      {malformed(), true, true},
		"a malformed chunk, before the response": {malformed(), false, true},
		"a body that is expected to wait":        {&incomingBody{waits: true}, true, true},
		"the same, before the response":          {&incomingBody{waits: true}, false, false},
		"a client that has paused for too long":  {&incomingBody{source: readerFunc(func([]byte) (int, error) { return 0, os.ErrDeadlineExceeded })}, true, false},
		"a body that has come to its end":        {&incomingBody{source: readerFunc(func([]byte) (int, error) { return 0, io.EOF })}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, client := net.Pipe()
				defer client.Close()
				test.body.http1, test.body.connection = true, server
				sent := 0
				go func() { // each piece after most of a pause
					for ; sent < 5; sent++ {
						time.Sleep(maxUnframedPause * 3 / 4)
						_ = client.SetWriteDeadline(time.Now().Add(maxUnframedPause))
						if _, err := io.WriteString(client, "behind"); err != nil {
							return
						}
					}
				}()
				began, w := time.Now(), interruptingWriter{interrupted: make(chan struct{}, 9)}
				if test.after {
					test.body.drainAfter(w)
				} else {
					test.body.drainBefore(w)
				}
				took := time.Since(began)
				time.Sleep(time.Minute)
				synctest.Wait()
				if want := maxUnframedPause*5*3/4 + maxUnframedPause; test.reads && (sent != 5 || took != want) {
					t.Errorf("%d of 5 pieces were read, and it took %s, not %s", sent, took, want)
				}
				if !test.reads && (sent > 0 || took > 0) {
					t.Errorf("%d pieces were read, and it took %s", sent, took)
				}
			})
		})
	}
}
