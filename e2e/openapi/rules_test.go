// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// checkForm sends forms that are wrong in themselves.
func (c *checker) checkForm(t *testing.T, path, target string, good []entry) {
	t.Helper()
	many := good
	for i := range 10_001 { // the document names no figure; this is the sandbox's
		many = append(many, text(fmt.Sprint("field", i), "x"))
	}
	c.check(t, path, form(t, target, many), refused(400, "The request contains too many HTTP POST fields."))
	c.check(t, path, form(t, target, append(good, text("x", "\x00"))), refused(400, "Null characters are not allowed."))
	broken := newRequest(t, http.MethodPost, target, "multipart/form-data; boundary=x", strings.NewReader("--x\r\n"))
	c.check(t, path, broken, refused(400, "HTTP POST request parsing failed."))
}

// checkKey sends requests that name no project, or another.
func (c *checker) checkKey(t *testing.T, path, key string, make func(*testing.T, string, []entry) *http.Request, target string, good []entry) {
	t.Helper()
	c.check(t, path, make(t, target, without(key, good)), refused(403, key+" is required."))
	c.check(t, path, make(t, target, with(key, "x", good)), refused(403, key+" is invalid."))
}

// checkSigned sends requests with a wrong credential, and one too many.
func (c *checker) checkSigned(t *testing.T, path string, at sandboxes, good []entry) {
	t.Helper()
	c.checkCredential(t, path, at.ample+path, good)
	c.check(t, path, form(t, at.throttled+path, good), refused(429, "Request was throttled."))
}

func (c *checker) checkCredential(t *testing.T, path, target string, good []entry) {
	t.Helper()
	bare := without("signature", without("expire", good))
	for want, entries := range map[expectation][]entry{
		refused(400, "`signature` is required."):           without("signature", good),
		refused(400, "`expire` is required."):              without("expire", good),
		refused(400, "`expire` must be a UNIX timestamp."): append(credential("1800000000000"), bare...),
		refused(403, "Expired signature."):                 append(credential("1000000000"), bare...),
		refused(403, "Invalid signature."):                 with("signature", strings.Repeat("0", 64), good),
	} {
		c.check(t, path, form(t, target, entries), want)
	}
}

// checkMetadata sends metadata that is against the rules.
func (c *checker) checkMetadata(t *testing.T, path, target string, good []entry) {
	t.Helper()
	long := strings.Repeat("k", 65)
	many := make([]entry, 0, 51)
	for i := range 51 {
		many = append(many, text(fmt.Sprintf("metadata[k%d]", i), "x"))
	}
	for want, metadata := range map[string][]entry{
		"File's metadata key `a` has a duplicate.":                                           {text("metadata[a]", "x"), text("metadata[a]", "y")},
		"File's metadata key can not be empty.":                                              {text("metadata[]", "x")},
		"File's metadata key `a b` contains symbols not allowed by the metadata key format.": {text("metadata[a b]", "x")},
		"Length of file metadata key `" + long + "` can not be more than 64 symbols.":        {text("metadata["+long+"]", "x")},
		"Value of the file metadata key `a` can not be empty.":                               {text("metadata[a]", "")},
		"Value of file metadata's key `a` can not be more than 512 symbols in length.":       {text("metadata[a]", strings.Repeat("x", 513))},
		"A file can not have more than 50 metadata keys.":                                    many,
	} {
		c.check(t, path, form(t, target, slices.Concat(good, metadata)), refused(400, want))
	}
}
