// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math/rand/v2"
	"net/http"
	"time"
)

// protocol is what a client speaks to the gateway.
type protocol int

const (
	http1 protocol = iota
	http1TLS
	http2
	http3
)

// String returns the protocol's name.
func (p protocol) String() string {
	return [...]string{"HTTP/1.1", "HTTP/1.1 TLS", "HTTP/2", "HTTP/3"}[p]
}

// encoding is how a request carries its fields.
type encoding int

const (
	multipartForm encoding = iota
	urlencoded
	query
)

// credential is what a client sends of its own.
type credential int

const (
	noCredential credential = iota
	emptyCredential
	staleCredential // which was valid years ago
	md5Credential   // of the scheme that the service has given up
	twoCredentials  // before the file, and behind it
	credentials     // the number of kinds
)

// flaw is what is wrong with an upload, or with its client.
type flaw int

const (
	sound flaw = iota
	unknownProject
	unclosed   // the form has no closing delimiter
	compressed // the body says that it is
	tooLarge   // for the project's policy
	wrongType  // likewise
	endsEarly  // the client ends its side of the connection in the middle, and reads the response
	leaves     // the client leaves in the middle
	leavesLate // the client leaves when it has sent all
)

// String returns what the report calls it.
func (f flaw) String() string {
	return [...]string{"sound", "of no project", "not closed", "compressed", "too large", "of a wrong type", "ended early", "left midway", "left when sent"}[f]
}

// whole reports whether an upload with the flaw may be stored at all.
func (f flaw) whole() bool { return f == sound || f == leavesLate }

// The projects of the gateways. Each has its own way to a credential.
const (
	minted   = "minted"   // a secret key, and signatures that live no longer than the clock is off
	rotated  = "rotated"  // two secret keys, of which the service takes now one, now the other
	resolved = "resolved" // a resolver, shared through the storage
	filed    = "filed"    // a secret key in a file that goes away
	limited  = "limited"  // a policy
	unheard  = "unheard"  // in no gateway
)

const (
	endpointBase  = "/base/"
	endpointStart = "/multipart/start/"
	endpointURL   = "/from_url/"
	endpointGroup = "/group/"
	endpointFrame = "/iframe/"
)

// upload is one request of a client.
type upload struct {
	id               int
	protocol         protocol
	gateway          int // whose it is first
	method, endpoint string
	project          string
	encoding         encoding
	size             int // of the file
	credential       credential
	jsonErrors       bool
	keyLast          bool // the public key stands at the end of the form
	chunked          bool
	flaw             flaw
	pace             time.Duration // that sending takes, if the client is slow
}

// Sizes of files. Most uploads are small, for there are to be many; those above the 64 KiB
// that a gateway retains are not retried.
const (
	smallSize  = 8 << 10
	middleSize = 160 << 10
	largeSize  = 2 << 20
	hugeSize   = 16 << 20
	policySize = 256 << 10 // of limited
)

// uploadOf returns the upload with an id in a storm: it depends on the seed and the id alone.
func uploadOf(seed uint64, id, gateways int) upload {
	random := rand.New(rand.NewPCG(seed, uint64(id))) //nolint:gosec // neither secret nor negative
	one := func(in int) bool { return random.IntN(in) == 0 }
	u := upload{
		id: id, protocol: []protocol{http1, http1, http1, http1, http1, http1TLS, http1TLS, http2, http2, http3}[random.IntN(10)],
		gateway: random.IntN(gateways), method: http.MethodPost, size: random.IntN(smallSize),
		project:    []string{minted, minted, rotated, resolved, resolved, filed, limited}[random.IntN(7)],
		endpoint:   []string{endpointBase, endpointBase, endpointBase, endpointBase, endpointStart, endpointURL, endpointGroup, endpointFrame}[random.IntN(8)],
		credential: credential(random.IntN(int(credentials))), jsonErrors: one(2), keyLast: one(4), chunked: one(4),
	}
	switch {
	case one(5000):
		u.size = hugeSize
	case one(300):
		u.size = random.IntN(largeSize)
	case one(30):
		u.size = random.IntN(middleSize)
	}
	if one(400) {
		u.pace = time.Second + time.Duration(random.Int64N(int64(2*time.Second)))
	}
	if one(12) {
		u.flaw = 1 + flaw(random.IntN(int(leavesLate)))
	}
	if u.endpoint != endpointBase && u.endpoint != endpointFrame {
		u.encoding = encoding(random.IntN(3))
	}
	u.fit(one)
	return u
}

// fit makes the properties of an upload fit each other.
func (u *upload) fit(one func(in int) bool) {
	switch u.flaw {
	case sound, compressed, leaves, leavesLate:
	case unknownProject:
		u.project = unheard
	case unclosed:
		u.encoding = multipartForm
	case tooLarge, wrongType:
		u.project, u.endpoint, u.encoding = limited, endpointBase, multipartForm
		if u.flaw == tooLarge {
			u.size = policySize + 1 + u.size
		}
	case endsEarly:
		u.protocol, u.chunked, u.pace, u.encoding = http1, false, 0, multipartForm // by a client that writes the bytes itself
	}
	if u.project == limited && u.flaw != tooLarge {
		u.size = min(u.size, policySize)
	}
	if u.encoding == query {
		u.chunked, u.pace = false, 0
		if u.flaw != unknownProject { // there is no body to be compressed, or to leave in
			u.flaw = sound
		}
		if u.endpoint == endpointURL && one(2) {
			u.method = http.MethodGet
		}
	}
}
