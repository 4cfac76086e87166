// SPDX-License-Identifier: Apache-2.0

package form

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// searchBoundaries are those of clients, and some that no client has.
var searchBoundaries = map[string]string{
	"chrome":   "----WebKitFormBoundary7MA4YWxkTrZu0gW1",
	"firefox":  "---------------------------41184676334158265762867519",
	"curl":     "------------------------tGGr0DyQSWbrvZfk6eFDXN",
	"old curl": "------------------------d74496d66958873e", // as of version 7.88
	"uuid":     "8a5bd5b6-53bb-4ab2-8a3c-9e1a73a53f0c",
	"go":       "5c9f0e8b1fd14a6f1b9a8d1a5c0e7b3a6f2d4c8e9b7a1f3d5c6e8a0b2c4d",
	"shortest": "aBcDeFgHiJkLmNoPqR", // with exactly minWords words
	"longest":  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789()_./:?.",
	"perl":     "xYzZY",
	"one":      "b",
	"periodic": strings.Repeat("ab", 35),
	"dashes":   strings.Repeat("-", 70),
	"repeated": strings.Repeat("a", 40) + "bcdefghijklmnopqrstuvwx",
}

// searchFamilies are contents of a file, easy ones and those that a sender would
// choose to make a search slow. The pattern stands nowhere in them.
func searchFamilies(size int, boundary string) map[string][]byte {
	pattern := "--" + boundary
	damage := func(i int) string { return pattern[:i] + "+" + pattern[i+1:] }
	repeat := func(piece string) []byte { return bytes.Repeat([]byte(piece), size/len(piece)+1)[:size] }
	random := make([]byte, size)
	source := rand.NewChaCha8([32]byte{1})
	_, _ = source.Read(random)
	first, last, beforeLast := pattern[:1], pattern[len(pattern)-1:], pattern[len(pattern)-2:len(pattern)-1]
	tail := strings.ReplaceAll(pattern[len(pattern)/2:], "-", "+") // without the first byte
	all := strings.ReplaceAll(pattern, "-", "+")

	families := map[string][]byte{
		"random":                        random,
		"zeros":                         make([]byte, size),
		"text":                          repeat("The quick brown fox jumps over the lazy dog -- again.\r\n"),
		"text-without-dashes":           repeat("The quick brown fox jumps over the lazy dog, again.\r\n"),
		"less-its-last-byte":            repeat("\r\n" + pattern[:len(pattern)-1]),
		"crlf-dashes":                   repeat("\r\n--"),
		"dashes":                        repeat("-"),
		"carriage-returns":              repeat("\r"),
		"first-and-last-byte":           repeat(strings.Repeat(first, len(pattern)) + strings.Repeat(last, len(pattern))),
		"first-and-last-byte-with-crlf": repeat("\r\n" + strings.Repeat(first, len(pattern)) + strings.Repeat(last, len(pattern))),
		"damaged-in-the-middle":         repeat("\r\n" + damage(len(pattern)/2)),
		"damaged-at-the-beginning":      repeat(damage(0)),
		"damaged-at-the-end":            repeat(damage(len(pattern) - 1)),
		"trigger-then-shift-by-one":     append(repeat(damage(len(pattern) / 2))[:size/64], repeat(beforeLast)[:size-size/64]...),
		"all-but-dashes":                repeat(all),
		"tail":                          repeat(tail),
	}
	for _, distance := range []int{8, 16, 32, 64, 128, 256, 512} {
		piece := []byte(strings.Repeat(all, distance/len(all)+1)[:distance])
		piece[0] = '-'
		families[fmt.Sprintf("all-and-a-dash-every-%03d", distance)] = repeat(string(piece))
	}
	var s search
	if s.prepare([]byte(pattern)); s.words != nil {
		// A word at every offset that is inspected, whatever the phase.
		word, filler := pattern[len(pattern)-wordLength:], strings.Repeat(".", s.stride-wordLength)
		families["a-word-every-stride"] = repeat(word + filler)
		families["a-word-every-stride-after-dash"] = repeat("-" + strings.Repeat(word+filler, 8)[1:])
	}
	s.release()
	for _, data := range families {
		for i := bytes.Index(data, []byte(pattern)); i >= 0; i = bytes.Index(data, []byte(pattern)) {
			data[i+len(pattern)-1] ^= 1
		}
	}
	return families
}
