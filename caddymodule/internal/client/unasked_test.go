// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

// startUnasked starts an upstream with Nagle's algorithm, which responds with the body of each
// request, and once sends a response more. The algorithm holds that back until the response
// before has been acknowledged, with the next request.
func startUnasked(t *testing.T) (address string) {
	t.Helper()
	return startRaw(t, func(connection net.Conn, number int) {
		_ = connection.(*net.TCPConn).SetNoDelay(false)
		reader := bufio.NewReader(connection)
		for i := 0; ; i++ {
			_, body, err := rawtest.ReadRequest(reader)
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			if number == 0 && i == 1 {
				_, _ = io.WriteString(connection, unasked)
			}
		}
	})
}

// responsesOfOthers sends uploads that follow each other sooner than the system acknowledges,
// and counts those that get another's response.
func responsesOfOthers(t *testing.T, by http.RoundTripper) (others int) {
	t.Helper()
	address := startUnasked(t)
	for i := range 14 {
		body := fmt.Sprintf("upload %d", i)
		response, err := by.RoundTrip(post(t, address, body, true))
		if _, text := readResponse(t, response, err); text != body {
			t.Logf("upload %d got %q", i, text)
			others++
		}
		time.Sleep(5 * time.Millisecond)
	}
	return others
}

// Were nothing acknowledged, each of them would.
func TestAResponseThatIsHeldBackIsNotTakenForAnotherForLong(t *testing.T) {
	if others := responsesOfOthers(t, newTestClient(t, nil)); others > 2 {
		t.Errorf("%d uploads got the response of another", others)
	}
}

// Go's client, which this one is not to be worse than, and which shows that the upstream does
// what the tests need.
func TestGosClientTakesAResponseThatIsHeldBack(t *testing.T) {
	others := responsesOfOthers(t, &http.Transport{DisableCompression: true})
	if others == 0 {
		t.Error("the upstream did not hold the response back")
	}
	t.Log(others)
}
