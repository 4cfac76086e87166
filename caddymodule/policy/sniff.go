// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"
)

// sniffLength is how many bytes of a file are examined. It is the default of mimetype,
// which does not examine more.
const sniffLength = 4096

// sniff returns the type that the first bytes of a file are of, canonical; octetStream
// if that is not known; "" if there are none.
func sniff(head []byte) string {
	if len(head) == 0 {
		return ""
	}
	mediaType, _, _ := strings.Cut(mimetype.Detect(head).String(), ";")
	return canonical(mediaType)
}

// judgeContents judges what a file's first bytes are, given claims that are allowed. It
// returns what is not allowed, or "".
func (t *typeRule) judgeContents(sniffed string, c *claims) string {
	switch sniffed {
	case "":
		if c.silent() {
			return "an empty file without a type or an extension"
		}
		return ""
	// Unknown is not forbidden: there are more formats than any sniffing knows. But a file
	// that claims a type which it does know would have been found to be of that.
	case octetStream:
		if t.types[octetStream] || t.claimsUnknown(c) || t.claimed(c, func(claim string) bool { return t.covers(claim) || !isRecognized(claim) }) {
			return ""
		}
		return "contents of an unknown type"
	}
	if t.matches(sniffed) || t.own[sniffed] || t.claimed(c, func(claim string) bool { return agree(sniffed, claim) }) {
		return ""
	}
	if slices.Contains(containers, sniffed) && t.claimsUnknown(c) {
		return ""
	}
	if slices.Contains(guesses, sniffed) && t.judgeContents("text/plain", c) == "" {
		return ""
	}
	return "contents of the type " + sniffed
}

// containers are formats that other formats are made of: their bytes say little about a file.
var containers = strings.Fields("text/plain text/xml application/json application/zip application/gzip application/x-ole-storage application/vnd.sqlite3")

// guesses are types that the sniffing finds by nothing but commas or tabs in lines of text, which
// Markdown may have as well.
var guesses = []string{"text/csv", "text/tab-separated-values"}

// agree reports whether a file that is sniffed as one type may be of another: the sniffing
// looked no further, or it found which kind of the other it is.
func agree(sniffed, claim string) bool {
	return sniffed == claim || isGeneral(sniffed, claim) || isGeneral(claim, sniffed) && !isActive(sniffed)
}

// isRecognized reports whether the sniffing knows a type, or what it is a kind of. Files of
// others have unknown contents even if they are what they claim.
func isRecognized(mediaType string) bool {
	if mimetype.Lookup(mediaType) != nil || isGeneral("text/plain", mediaType) || isGeneral("application/zip", mediaType) {
		return true
	}
	for general := range generals {
		if isGeneral(general, mediaType) {
			return true
		}
	}
	return false
}
