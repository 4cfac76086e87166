// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// otherContent says in what an edited form is another than the original, but for
// credentials.
func (r *reader) otherContent(client request, outcome edited, original, edited *reading) string {
	misread := misreadCredentials(client)
	// Some parsers read several parameters where the gateway takes one out.
	if what := otherPairs(client, outcome, misread, original.query, edited.query); what != "" && !hidesCredential(client.query) && !isCutShort(client, outcome) {
		return "query: " + what
	}
	body := string(client.body)
	blurred := !client.isMultipart() && (hidesCredential(body) || r.cutsAtSemicolon && strings.Contains(body, ";") || r.inSevenBits && hasUpperHalf(body))
	if what := otherPairs(client, outcome, misread, original.fields, edited.fields); what != "" && !blurred {
		return what
	}
	hashes := hashesOf(misread)
	if was, is := r.otherFiles(original.files, hashes), r.otherFiles(edited.files, hashes); !slices.Equal(was, is) {
		return fmt.Sprintf("files: %.500q instead of %.500q", fmt.Sprint(is), fmt.Sprint(was))
	}
	return ""
}

// hasUpperHalf reports whether text has bytes beyond ASCII, which are others in seven bits.
func hasUpperHalf(text string) bool {
	return strings.IndexFunc(text, func(c rune) bool { return c >= utf8.RuneSelf }) >= 0
}

// isCutShort reports whether a query cannot be compared: some parsers cut it at a
// number sign, which leaves escaped, and CGI.pm takes one without a sign for
// keywords.
func isCutShort(client request, outcome edited) bool {
	return strings.Contains(client.query, "#") || !strings.Contains(outcome.left.query, "=")
}

// holdsFresh reports whether what the gateway has put in is a part of a value: the
// parser has lost the delimiter before it.
func holdsFresh(outcome edited, value string) bool {
	return strings.Contains(value, outcome.fresh[0]) || strings.Contains(value, outcome.fresh[1])
}

// isNothing reports whether a pair is what parsers make of `&&`, `=`, `?` or a byte
// order mark.
func isNothing(p pair) bool { return strings.Trim(p.name, "? \t\r\n\ufeff") == "" && p.value == "" }

// isNameless reports whether a parser has read no name. Rack takes the type then.
func isNameless(p pair) bool {
	return lettersOf(p.name) == "" || strings.HasPrefix(p.name, "text/plain")
}

// isSame reports whether a pair is the same but for what a parser makes of its
// place: aiohttp sees a line end unless it stands at the end of all, HTTP::Body a
// blank unless it stands behind another parameter, URLSearchParams, which
// formidable and undici use, a question mark unless it comes first, and qs a byte
// order mark likewise. A credential under a name that the parser does not read is
// the same, crossed out.
func isSame(was, is pair) bool {
	if was.name == is.name && isNameless(was) && (isErased(is.value) || len(was.value) == len(is.value) && strings.Contains(is.value, "x")) {
		return true
	}
	return strings.TrimSpace(was.value) == strings.TrimSpace(is.value) && strings.TrimSpace(was.name) == strings.TrimSpace(is.name) ||
		was.value == is.value && strings.TrimLeft(was.name, "?\ufeff") == is.name
}

// misreadCredentials returns the contents of parts that some parser reads as a credential, and
// another under another name: of two in a header, or by the type where it does not see the
// name. They leave crossed out.
func misreadCredentials(client request) (values []string) {
	for _, part := range parts(client) {
		if header, value, _ := strings.Cut(part, "\r\n\r\n"); !plainHeader.MatchString(header) && holdsProtected(header) {
			values = append(values, strings.TrimSuffix(value, "\r\n"))
		}
	}
	return values
}

// hashesOf returns the hashes of such contents, as they come and as they leave.
func hashesOf(misread []string) (hashes []string) {
	for _, value := range misread {
		for _, content := range []string{value, strings.Repeat("x", len(value))} {
			hashes = append(hashes, fmt.Sprintf("%x", sha256.Sum256([]byte(content))))
		}
	}
	return hashes
}

// hidesCredential reports whether a parameter resembles a credential behind a semicolon,
// or without the first bit of each byte.
func hidesCredential(params string) bool {
	return slices.ContainsFunc(strings.Split(params, "&"), func(parameter string) bool {
		return strings.Contains(parameter, ";") && slices.ContainsFunc(strings.Split(parameter, ";"), resembles) ||
			hasUpperHalf(parameter) && resembles(inSevenBits(parameter))
	})
}

// otherFiles returns the files but for those that are a credential to the
// parser: some take a field with a Content-Type for a file. Where fields and
// files share their names, the fresh pair also replaces a file that has its.
func (r *reader) otherFiles(files []file, misread []string) []file {
	return slices.DeleteFunc(slices.Clone(files), func(f file) bool {
		return slices.Contains(misread, f.sha256) || isCrossedOut(f.name) || f.name+f.filename == "" || resembles(f.name) && (f.filename == "" || strings.HasPrefix(f.filename, "multipart/") || r.shared)
	})
}

// otherPairs compares fields in order. Those that resemble a credential, or have
// its value, may be missing, and are crossed out or replaced where they were.
func otherPairs(client request, outcome edited, misread []string, original, edited []pair) string {
	crossedOut := slices.ContainsFunc(edited, func(p pair) bool { return isCrossedOut(p.name) })
	rest := slices.DeleteFunc(slices.Clone(edited), func(p pair) bool {
		if len(misread) > 0 && isCrosses(p.value) && !slices.Contains(original, p) {
			return true
		}
		return isCrossedOut(p.name) || isErased(p.value) && !isNameless(p) || isNothing(p) || isNameless(p) && holdsFresh(outcome, p.value) || !client.tokens && slices.Contains(freshNames(client), p.name)
	})
	var skipped []pair // which may be there nevertheless, at another place
	for _, p := range original {
		switch {
		case len(rest) > 0 && (rest[0] == p || isSame(p, rest[0])):
			rest = rest[1:]
		case isCrossedOut(p.name), isErased(p.value), isStale(p.value), isNothing(p), resembles(p.name), isNameless(p) && crossedOut, slices.Contains(misread, p.value),
			len(misread) > 0 && slices.ContainsFunc(edited, func(is pair) bool { return is.name == p.name && isCrosses(is.value) }):
			if len(misread) > 0 {
				skipped = append(skipped, p)
			}
		case len(rest) > 0:
			return fmt.Sprintf("%.80q=%.200q stands where %.80q=%.200q did", rest[0].name, rest[0].value, p.name, p.value)
		case !client.isMultipart() && p.value == "":
			// python-multipart does not see a last parameter without a sign, which was
			// not the last before.
		default:
			return fmt.Sprintf("%.80q=%.200q is gone", p.name, p.value)
		}
	}
	rest = slices.DeleteFunc(rest, func(p pair) bool { return isNameless(p) && isErased(p.value) || slices.Contains(skipped, p) })
	// python-multipart does not see a last parameter without a value, which is
	// not the last any more.
	if len(rest) > 0 && (len(rest) > 1 || rest[0].value != "") {
		return fmt.Sprintf("%.80q=%.200q is new", rest[0].name, rest[0].value)
	}
	return ""
}

// contents returns the hashes of a reading's files.
func contents(read *reading) string {
	hashes := make([]string, 0, len(read.files))
	for _, f := range read.files {
		hashes = append(hashes, f.sha256)
	}
	slices.Sort(hashes)
	return strings.Join(hashes, " ")
}
