// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// property is what a form must show.
type property string

const (
	// credentialProperty: no parser sees a credential of the client's, or a
	// second public key, and each that reads the original sees the fresh pair.
	credentialProperty property = "P1"
	// contentProperty: every other field and file is what the same parser reads
	// from the original.
	contentProperty property = "P2"
	// lengthProperty: the promised length is the real one under every slicing.
	lengthProperty property = "P3"
	// refusalProperty: what most parsers read alike is not refused.
	refusalProperty property = "P4"
)

// failure is a property that a form does not have.
type failure struct {
	property property
	parser   string // empty if no single one is concerned
	what     string
}

// judge compares what the parsers read of an edited form with what they read of
// the original. Where the Content-Type was written anew, a parser that could not
// read the original may read it now: then that is what it reads of the client's
// body under the new Content-Type (rereads).
func (s *suite) judge(c *checked) []failure {
	var failures []failure
	client, outcome := c.client, c.outcome
	consensus, anew := s.consensus(client, c.originals), s.consensus(client, c.rereads)
	for i, r := range s.readers {
		fail := func(property property, what string) {
			if what != "" {
				failures = append(failures, failure{property, r.name, what})
			}
		}
		original, edited, files := &c.originals[i], &c.editeds[i], consensus
		// Of several Content-Types, servers take the first, the last or all.
		if c.rereads != nil && (!r.usable(client, original) || len(client.contentType) > 1) {
			original, files = &c.rereads[i], anew
		}
		reads := r.usable(client, original) && contents(original) == files && !r.isLost(client, original)
		if edited.failed() {
			if reads && !slices.ContainsFunc(headers(client), swallows) {
				fail(credentialProperty, "it does not read the edited form any more: "+edited.String())
			}
			continue
		}
		fail(credentialProperty, r.strangeCredential(client, outcome, edited, reads))
		if reads && (!isOpen(client) || contents(edited) != files) {
			fail(contentProperty, r.otherContent(client, outcome, original, edited))
		}
	}
	return failures
}

// consensus returns the files that most parsers read. A parser that reads others
// is lost in the form: it takes delimiters for content, or content for parts.
func (s *suite) consensus(client request, originals []reading) string {
	counts := make(map[string]int)
	most := ""
	for i := range originals {
		if s.readers[i].usable(client, &originals[i]) {
			files := contents(&originals[i])
			if counts[files]++; counts[files] > counts[most] {
				most = files
			}
		}
	}
	return most
}

// isOpen reports whether a form has no closing delimiter. It leaves with one, and
// parsers may read more then.
func isOpen(client request) bool {
	return client.isMultipart() && !bytes.Contains(client.body, append(append([]byte("--"), boundaryOf(client)...), "--"...))
}

// isLost reports whether a parser takes a delimiter for content, or looks for
// another than the form has.
func (r *reader) isLost(client request, read *reading) bool {
	if !client.isMultipart() {
		return false
	}
	if r.readsInner && slices.ContainsFunc(headers(client), isForm) {
		return true
	}
	boundary := string(boundaryOf(client))
	if r.cutsAtComma && strings.Contains(boundary, ",") {
		return true
	}
	return slices.ContainsFunc(read.fields, func(p pair) bool {
		text := p.name + "=" + p.value
		return strings.Contains(text, "\r\n--"+boundary) || strings.Contains(text, "\r\n--"+strings.ReplaceAll(boundary, "+", " "))
	})
}

// usable reports whether a server with this parser would take an upload: it has
// one public key, something of the body, and a file where one belongs.
func (r *reader) usable(client request, read *reading) bool {
	isBase := strings.HasPrefix(client.target(), "/base")
	if read.failed() || client.isMultipart() && (isBase && len(read.files) == 0 || len(read.fields)+len(read.files) == 0) {
		return false
	}
	keys := r.publicKeys(read)
	return len(keys) == 1 && keys[0] == publicKey
}

// publicKeys returns the public keys that differ, without blanks around them and
// what stands behind a semicolon, which no key has.
func (r *reader) publicKeys(read *reading) []string {
	var keys []string
	for _, p := range read.params() {
		value, _, _ := strings.Cut(p.value, ";")
		if value = strings.TrimSpace(value); value != "" && r.is(p.name, publicKeyNames) {
			keys = append(keys, value)
		}
	}
	return distinct(keys)
}

// strangeCredential says in what a reading has other credentials and public keys
// than it should. If the parser reads the original, the fresh pair must be there.
func (r *reader) strangeCredential(client request, outcome edited, read *reading, reads bool) string {
	if keys := r.publicKeys(read); len(keys) > 1 || len(keys) == 1 && !strings.Contains(keys[0], publicKey) {
		return fmt.Sprintf("it sees the public keys %q", keys)
	}
	var values [2][]string
	for _, p := range read.params() {
		if !r.is(p.name, credentialNames) {
			continue
		}
		i := slices.Index(freshNames(client), p.name)
		if i < 0 || client.tokens || !strings.HasPrefix(p.value, outcome.fresh[i]) {
			return fmt.Sprintf("it sees the client's %.200q=%.200q", p.name, p.value)
		}
		values[i] = append(values[i], p.value)
	}
	switch {
	case !reads:
		return ""
	case client.tokens && !outcome.bearer:
		return "there is no access token"
	case client.tokens:
		return ""
	}
	if len(values[0]) <= 1 && len(values[1]) <= 1 && slices.ContainsFunc(headers(client), swallows) {
		return ""
	}
	return wrongPair(values)
}

// freshNames returns the names under which the endpoint takes a credential.
func freshNames(client request) []string {
	if strings.HasPrefix(client.target(), "/iframe") {
		return []string{"UPLOADCARE_SIGNATURE", "UPLOADCARE_EXPIRE"}
	}
	return []string{"signature", "expire"}
}

// wrongPair says why signatures and expires are not one fresh pair.
func wrongPair(values [2][]string) string {
	if len(values[0]) != 1 || len(values[1]) != 1 {
		return fmt.Sprintf("it sees signatures and expires: %q", values)
	}
	signature, expire := values[0][0], values[1][0]
	hash := hmac.New(sha256.New, []byte(secretKey))
	hash.Write([]byte(expire))
	seconds, err := strconv.ParseInt(expire, 10, 64)
	if err != nil || hex.EncodeToString(hash.Sum(nil)) != signature || seconds <= time.Now().Unix() {
		return fmt.Sprintf("it sees a pair that is not fresh: %q", values)
	}
	return ""
}
