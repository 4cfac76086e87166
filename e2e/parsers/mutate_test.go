// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// mutant is a form that the grammar made, with what was done to it.
type mutant struct {
	request
	kinds []string
}

// grammar makes forms. The same seed and number make the same form.
type grammar struct {
	*rand.Rand
	kinds []string
}

func newMutant(seed, number uint64) mutant {
	g := &grammar{Rand: rand.New(rand.NewPCG(seed, number))}
	var client request
	switch percent := g.IntN(100); {
	case percent < 80:
		client = g.multipart()
	case percent < 93:
		client = g.urlencoded()
	default:
		client = g.inQuery()
	}
	client.chunked = len(client.body) > 0 && g.chance(15)
	client.tokens = g.chance(12)
	if g.chance(6) {
		client.query = queryOf(g.params(1 + g.IntN(3)))
	}
	return mutant{client, g.kinds}
}

// did notes a mutation.
func (g *grammar) did(format string, arguments ...any) {
	g.kinds = append(g.kinds, fmt.Sprintf(format, arguments...))
}

func (g *grammar) chance(percent int) bool { return g.IntN(100) < percent }

// one returns one of texts.
func (g *grammar) one(texts ...string) string { return texts[g.IntN(len(texts))] }

// part is a part of a form, as it is written.
type part struct {
	header  string // without the line end that ends its last line
	content string
}

// draft is a multipart form before it is written out.
type draft struct {
	boundary           string
	preamble, epilogue string
	parts              []part
	after              string // what follows the boundary in delimiters
	closing            string // what follows it in the last
}

func (d *draft) String() string {
	var text strings.Builder
	text.WriteString(d.preamble)
	for _, p := range d.parts {
		text.WriteString("--" + d.boundary + d.after)
		if p.header != "" {
			text.WriteString(p.header + "\r\n")
		}
		text.WriteString("\r\n" + p.content + "\r\n")
	}
	text.WriteString("--" + d.boundary + d.closing + d.epilogue)
	return text.String()
}

const (
	staleSignature = "5ta1e0f0ac2e6d1e3f5ta1e"
	staleExpire    = "1454903856"
	otherKey       = "otherpublickey"
)

// multipart makes a multipart form.
func (g *grammar) multipart() request {
	boundary, contentType := g.contentType()
	d := &draft{boundary: boundary, after: "\r\n", closing: "--\r\n"}
	parts := []part{g.publicKey(), g.file()}
	for range g.IntN(3) {
		parts = append(parts, g.other())
	}
	if g.chance(55) {
		for range 1 + g.IntN(2) {
			parts = append(parts, g.stale())
		}
	}
	if g.chance(6) {
		parts = append(parts, g.secondKey())
	}
	g.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	d.parts = parts
	if g.chance(25) {
		p := &d.parts[g.IntN(len(d.parts))]
		p.header = g.mutateHeader(p.header)
	}
	if g.chance(20) {
		g.mutateDelimiters(d)
	}
	client := request{path: g.one("/base/", "/base/", "/base/", "/base", "/multipart/start/", "/iframe/"), contentType: contentType, body: []byte(d.String())}
	if g.chance(4) {
		coding := g.one("identity", "utf-8", "binary", "none", "8bit", "", "gzip", "multipart/form-data", "br", "aes128gcm", "UTF8")
		g.did("Content-Encoding %q", coding)
		client.contentEncoding = []string{coding}
	}
	return client
}
