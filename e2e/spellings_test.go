// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// spellings are request targets that some server may take for an endpoint, and others for
// another or for none.
var spellings = []struct{ kind, target string }{
	{"as documented", "/base/"},
	{"as documented", "/multipart/start/"},
	{"as documented, not signed", "/info/"},
	{"slashes", "/base"},
	{"slashes", "//base/"},
	{"slashes", "/base//"},
	{"slashes", "/multipart//start/"},
	{"slashes", "/multipart/start"},
	{"case", "/BASE/"},
	{"case", "/Base/"},
	{"escaped letter", "/%62ase/"},
	{"escaped letter", "/%42ASE/"},
	{"escaped slash", "/base%2F"},
	{"escaped slash", "/base%2f"},
	{"escaped slash", "%2Fbase/"},
	{"escaped slash", "/multipart%2Fstart/"},
	{"escaped twice", "/%2562ase/"},
	{"escaped twice", "/base%252F"},
	{"dots", "/./base/"},
	{"dots", "/base/."},
	{"dots", "/base/./"},
	{"dots", "/info/../base/"},
	{"dots", "/base/../info/"},
	{"dots", "/base/../group/"},
	{"dots", "/../base/"},
	{"dots", "/base/.."},
	{"dots", "/base/.../"},
	{"escaped dots", "/base/%2e%2e/group/"},
	{"escaped dots", "/base/%2e%2e/info/"},
	{"escaped dots", "/info/%2e%2e/base/"},
	{"escaped dots", "/base/..%2Fgroup/"},
	{"escaped dots", "/base/%2e%2e%2Finfo/"},
	{"escaped dots, twice", "/base/%252e%252e/group/"},
	{"trailing dot", "/base./"},
	{"trailing dot", "/base/x/.."},
	{"parameter of a segment", "/base;x/"},
	{"parameter of a segment", "/base/;x"},
	{"parameter of a segment", "/base/..;/group/"},
	{"parameter of a segment", "/base/;/"},
	{"backslash", `/base\`},
	{"backslash", `\base/`},
	{"backslash", `/base/..\group/`},
	{"backslash, escaped", "/base%5C"},
	{"backslash, escaped", "/base/..%5Cgroup/"},
	{"query", "/base/?"},
	{"query", "/base/?/../group/"},
	{"query in the path", "/base/%3Fx"},
	{"query in the path", "/base%3F/"},
	{"fragment", "/base/#x"},
	{"fragment in the path", "/base/%23x"},
	{"blank", "/base/%20"},
	{"blank", "/base%20/"},
	{"blank", "/base/+"},
	{"control character", "/base/%00"},
	{"control character", "/base/%0a"},
	{"control character", "/base%0d%0a/"},
	{"overlong UTF-8", "/%c1%a2ase/"},
	{"overlong UTF-8", "/base%c0%af"},
	{"full-width letter", "/%ef%bd%82ase/"},
	{"IIS's escape", "/%u0062ase/"},
	{"bad escape", "/base/%"},
	{"bad escape", "/base/%zz"},
	{"absolute form", "http://HOST/base/"},
	{"absolute form", "http://HOST//base"},
	{"absolute form", "http://HOST/base/%2e%2e/group/"},
	{"absolute form, no host", "http:/base/"},
	{"absolute form, no slashes", "http:base/"},
	{"no slash", "base/"},
	{"asterisk", "*"},
	{"more behind", "/base/x"},
	{"more before", "/x/base/"},
}

// Whatever the spelling of an endpoint, a credential leaves for the documented spelling
// alone, which every server takes for that endpoint; and what passes unsigned leaves as it
// was sent. docs/security.md has the table, which is what was seen here.
func TestSpellingsOfAnEndpoint(t *testing.T) {
	upstream := startTargets(t)
	site, guarded := freeAddress(t), freeAddress(t)
	config := strings.Replace(gateway(site, "http://"+upstream.address), "uploadcare {", "uploadcare {\n\t\tcallers anyone", 1)
	guard := "http://" + guarded + " {\n\tbind 127.0.0.1\n\t@guarded path /base/*\n\trespond @guarded 403\n\trespond 204\n}\n"
	start(t, config+guard)
	routers := startRouters(t)

	var rows strings.Builder
	row(&rows, append([]string{"kind", "sent", "gateway", "leaves for", "`path /base/*`"}, namesOf(routers)...)...)
	row(&rows, slices.Repeat([]string{"---"}, 5+len(routers))...)
	for _, s := range spellings {
		status, _ := exchange(t, site, strings.Replace(s.target, "HOST", site, 1), uploadForm)
		left := upstream.take()
		cells := append([]string{s.kind, code(s.target)}, cellsOf(t, s.target, status, left)...)
		cells = append(cells, guardedCell(t, guarded, s.target))
		for _, router := range routers {
			cells = append(cells, router.take(t, s.target, left))
		}
		row(&rows, cells...)
	}
	checkDocument(t, "../docs/security.md", rows.String())
}

// cellsOf returns what the gateway made of a request, and checks that it was harmless.
func cellsOf(t *testing.T, target string, status int, left *leaving) []string {
	t.Helper()
	switch {
	case left == nil && status == 400:
		return []string{"refuses: 400", "–"}
	case left == nil:
		t.Fatalf("%q: response %d, and nothing left", target, status)
	case left.signed:
		path, _, _ := strings.Cut(left.target, "?")
		if !slices.Contains([]string{"/base/", "/group/", "/multipart/start/"}, path) {
			t.Errorf("%q: a credential left for %q", target, left.target)
		}
		if left.own {
			t.Errorf("%q: the client's own credential left, too", target)
		}
		return []string{"**signs**", code(left.target)}
	case !left.own: // the document says that it does
		t.Errorf("%q: what passes has lost the client's credential", target)
	}
	return []string{"passes", code(left.target)}
}

// guardedCell returns whether a matcher of Caddy's sees the request.
func guardedCell(t *testing.T, guarded, target string) string {
	t.Helper()
	switch status, _ := exchange(t, guarded, strings.Replace(target, "HOST", guarded, 1), ""); status {
	case 403:
		return "matches"
	case 204:
		return "no"
	default:
		return fmt.Sprint(status)
	}
}

func code(text string) string { return "`" + text + "`" }

func row(to *strings.Builder, cells ...string) {
	fmt.Fprintf(to, "| %s |\n", strings.Join(cells, " | "))
}

// checkDocument checks that a document has a table.
func checkDocument(t *testing.T, document, table string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "\n\n"+table+"\n") {
		t.Errorf("%s does not have this table:\n%s", document, table)
	}
}
