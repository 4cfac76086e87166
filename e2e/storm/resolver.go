// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// resolverLifetime is how long the resolver's signatures live: an outage of its is felt when the
// last has expired.
const resolverLifetime = 6 * time.Second

// resolver is the back end that signs for one project.
type resolver struct {
	failing atomic.Pointer[resolverFailure]
	calls   atomic.Int64
}

// resolverFailure is a way for the resolver to fail.
type resolverFailure struct {
	name    string
	respond func(w http.ResponseWriter, r *http.Request, over <-chan struct{})
	over    chan struct{}
}

var resolverFailures = []resolverFailure{
	{name: "is down", respond: func(http.ResponseWriter, *http.Request, <-chan struct{}) { panic(http.ErrAbortHandler) }},
	{name: "fails", respond: func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}) {
		http.Error(w, "the database is away", http.StatusInternalServerError)
	}},
	{name: "hangs", respond: func(_ http.ResponseWriter, r *http.Request, over <-chan struct{}) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
		panic(http.ErrAbortHandler)
	}},
	{name: "is slow", respond: func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}) {
		time.Sleep(time.Second)
		handOut(w, firstKey)
	}},
	{name: "signs with a wrong key", respond: func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}) {
		handOut(w, "the key of another project")
	}},
	{name: "refuses", respond: func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}) {
		w.WriteHeader(http.StatusNoContent)
	}},
	{name: "responds with nonsense", respond: func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}) {
		fmt.Fprint(w, `{"secureSignature":"yes","secureExpire":"tomorrow"}`)
	}},
}

// ServeHTTP implements [http.Handler].
func (r *resolver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.calls.Add(1)
	if failing := r.failing.Load(); failing != nil {
		failing.respond(w, request, failing.over)
		return
	}
	handOut(w, firstKey)
}

// handOut responds with a signature.
func handOut(w http.ResponseWriter, key string) {
	expire := strconv.FormatInt(time.Now().Add(resolverLifetime).Unix(), 10)
	fmt.Fprintf(w, `{"secureSignature":"%s","secureExpire":"%s"}`, signatureOf(key, expire), expire)
}
