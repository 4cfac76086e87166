// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"time"
)

// stage is how far an upload has come when the upstream fails.
type stage int

const (
	atOnce   stage = iota // its head has
	unstored              // all of it has
	stored                // it has been stored
)

// trouble is a way for the upstream to fail. It meets one request in so many, so that the others
// show that the gateway goes on.
type trouble struct {
	name  string
	oneIn int
	when  stage
	// meet fails the request, and reports whether that is the end of it.
	meet func(*exchange) bool
	over chan struct{} // closed when it is over
}

// troubles are all ways to fail but death, which is that of all requests.
var troubles = []trouble{
	{name: "hangs before it stores", oneIn: 60, when: unstored, meet: (*exchange).hang},
	{name: "hangs when it has stored", oneIn: 60, when: stored, meet: (*exchange).hang},
	{name: "reads slowly", oneIn: 10, when: atOnce, meet: func(*exchange) bool {
		time.Sleep(200 * time.Millisecond)
		return false
	}},
	{name: "resets before it reads", oneIn: 4, when: atOnce, meet: (*exchange).reset},
	{name: "resets before it stores", oneIn: 4, when: unstored, meet: (*exchange).reset},
	{name: "resets when it has stored", oneIn: 4, when: stored, meet: (*exchange).reset},
	{name: "fails before it reads", oneIn: 4, when: atOnce, meet: (*exchange).fail},
	{name: "fails before it stores", oneIn: 4, when: unstored, meet: (*exchange).fail},
	{name: "fails when it has stored", oneIn: 4, when: stored, meet: (*exchange).fail},
	{name: "is no HTTP server", oneIn: 4, when: unstored, meet: respondWith("ICY 200 OK\r\n\r\n")},
	{name: "has an invalid status", oneIn: 4, when: stored, meet: respondWith("HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n")},
	{name: "breaks its response off", oneIn: 4, when: stored, meet: func(e *exchange) bool {
		e.u.at(e.id, func(k *kept) { k.cut = true })
		e.w.Header().Set("Content-Type", "application/json")
		e.w.Header().Set("Content-Length", "1000")
		fmt.Fprint(e.w, `{"file":"`)
		_ = http.NewResponseController(e.w).Flush()
		return e.reset()
	}},
	{name: "responds with nothing", oneIn: 4, when: stored, meet: func(*exchange) bool { return true }},
	{name: "throttles", oneIn: 4, when: unstored, meet: func(e *exchange) bool {
		e.refuse(http.StatusTooManyRequests, "Request was throttled.")
		return true
	}},
	{name: "refuses before it reads", oneIn: 4, when: atOnce, meet: func(e *exchange) bool {
		e.refuse(http.StatusRequestEntityTooLarge, "The size of the request is too large.")
		return true
	}},
}

// hang waits until the trouble is over, or the gateway has left.
func (e *exchange) hang() bool {
	select {
	case <-e.trouble.over:
	case <-e.r.Context().Done():
	}
	return false
}

// reset closes the connection.
func (*exchange) reset() bool { panic(http.ErrAbortHandler) }

func (e *exchange) fail() bool {
	e.refuse(http.StatusInternalServerError, "Internal error.")
	return true
}

// respondWith returns a way to respond with what is no response, and to close the connection.
func respondWith(response string) func(*exchange) bool {
	return func(e *exchange) bool {
		connection, _, err := http.NewResponseController(e.w).Hijack()
		if err == nil {
			fmt.Fprint(connection, response)
			_ = connection.Close()
		}
		return true
	}
}
