// SPDX-License-Identifier: Apache-2.0

package form

import (
	"slices"
	"strings"
	"testing"
)

// headersWithin returns the headers of parts within a part's content that comes in pieces,
// and the names of parameters behind them.
func headersWithin(pieces ...string) (headers, names []string) {
	var n nested
	addHeader := func(header []byte) bool { headers = append(headers, string(header)); return false }
	addName := func(name []byte) bool { names = append(names, string(name)); return false }
	for _, piece := range pieces {
		n.next(slices.Clip([]byte(piece)), addHeader, addName)
	}
	if _, following := n.endContent(addHeader); following != nil {
		following.end(addName)
	}
	return headers, names
}

// A source hands out a part's content in any pieces.
func TestHeadersWithinAPartAreFoundInAnyPieces(t *testing.T) {
	const urlencoded = "Content-Type: application/x-www-form-urlencoded\n"
	for content, want := range map[string]struct{ headers, names []string }{
		"":                                {},
		"X: y\n\nz\n":                     {},
		"--b\r\nX: y\r\n\r\nz\r\n":        {headers: []string{"X: y\r\n\r"}},
		"--b\nX: y\n\nz\n--b--":           {headers: []string{"X: y\n"}},
		"--b\nX: y":                       {headers: []string{"X: y"}},
		"--b\nX: y\n--b\nZ: y\n":          {headers: []string{"X: y\n--b", "Z: y\n"}},
		"--b\n\nX: y\n\n--b\nZ: y":        {headers: []string{"Z: y"}},
		"--b\n\rX: y\n-Z: y\n\n":          {headers: []string{"\rX: y\n-Z: y\n"}},
		"--b\nX: a--b\n\nz\n":             {headers: []string{"X: a--b\n"}},
		"a--b\nX: y\n\n":                  {headers: []string{"X: y\n"}},
		"a--\nX: y\n\n":                   {headers: []string{"X: y\n"}},
		"- -b\nX: y\n\n":                  {},
		"-\n-b\nX: y\n\n":                 {},
		"--b\n" + urlencoded + "\na=b;c":  {headers: []string{urlencoded}, names: []string{"a", "c"}},
		"--b\n" + urlencoded + "a=b&c\nd": {headers: []string{urlencoded + "a=b&c\nd"}, names: []string{""}},
	} {
		check := func(pieces ...string) {
			if headers, names := headersWithin(pieces...); !slices.Equal(headers, want.headers) || !slices.Equal(names, want.names) {
				t.Errorf("%q: got %q and %q, want %+q", pieces, headers, names, want)
			}
		}
		check(strings.Split(content, "")...)
		for second := range len(content) + 1 {
			for first := range second + 1 {
				check(content[:first], content[first:second], content[second:])
			}
		}
	}
}
