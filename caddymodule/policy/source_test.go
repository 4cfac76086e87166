// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"net/url"
	"strings"
	"testing"
)

// Entries against which the addresses of the table are judged.
var sourceEntries = []string{"*.example.com", "cdn.example.org", "files.example.net:8443", "203.0.113.5", "[2001:db8::1]", "*.bücher.example", "straße.example"}

func TestAddressesToFetchFrom(t *testing.T) {
	for name, c := range map[string]struct {
		address string
		allowed bool
	}{
		"exact":                             {"https://cdn.example.org/a.jpg", true},
		"without a path":                    {"https://cdn.example.org", true},
		"with a query alone":                {"https://cdn.example.org?a=b", true},
		"with a fragment":                   {"https://cdn.example.org/a.jpg#b", true},
		"by HTTP":                           {"http://cdn.example.org/a.jpg", true},
		"upper case":                        {"HTTPS://CDN.Example.ORG/A.jpg", true},
		"a trailing dot":                    {"https://cdn.example.org./a.jpg", true},
		"the standard port":                 {"https://cdn.example.org:443/a.jpg", true},
		"path beyond ASCII":                 {"https://cdn.example.org/фото.jpg", true},
		"at sign in the path":               {"https://cdn.example.org/@evil.test/a.jpg", true},
		"at sign in the query":              {"https://cdn.example.org/?@evil.test", true},
		"colon in the path":                 {"https://cdn.example.org/a:b", true},
		"address in the query":              {"https://cdn.example.org/?u=http://evil.test/", true},
		"broken escape in the path":         {"https://cdn.example.org/100%.jpg", true},
		"one label below":                   {"https://a.example.com/", true},
		"two labels below":                  {"https://a.b.example.com/", true},
		"underscore below":                  {"https://my_bucket.example.com/", true},
		"hyphens below":                     {"https://r3---sn-a.example.com/", true},
		"a number below":                    {"https://127.0.0.1.example.com/", true},
		"the listed port":                   {"https://files.example.net:8443/", true},
		"the listed port by HTTP":           {"http://files.example.net:8443/", true},
		"IPv4":                              {"http://203.0.113.5/a.jpg", true},
		"IPv6":                              {"http://[2001:db8::1]/a.jpg", true},
		"IPv6 in full":                      {"http://[2001:0DB8:0:0:0:0:0:1]/a.jpg", true},
		"IPv6 with the standard port":       {"http://[2001:db8::1]:80/a.jpg", true},
		"IDN":                               {"https://www.bücher.example/", true},
		"IDN in upper case":                 {"https://WWW.BÜCHER.example/", true},
		"IDN in ASCII":                      {"https://www.xn--bcher-kva.example/", true},
		"another host":                      {"https://evil.test/", false},
		"the parent of a wildcard":          {"https://example.com/", false},
		"the wildcard's dot alone":          {"https://.example.com/", false},
		"no label boundary":                 {"https://evilexample.com/", false},
		"the entry in front":                {"https://a.example.com.evil.test/", false},
		"below an exact entry":              {"https://a.cdn.example.org/", false},
		"above an exact entry":              {"https://example.org/", false},
		"the entry in the path":             {"https://evil.test/cdn.example.org", false},
		"the entry in the query":            {"https://evil.test?cdn.example.org", false},
		"the entry in the fragment":         {"https://evil.test#cdn.example.org", false},
		"the entry as user":                 {"https://cdn.example.org@evil.test/", false},
		"the entry as user and password":    {"https://cdn.example.org:443@evil.test/", false},
		"user":                              {"https://user@cdn.example.org/", false},
		"empty user":                        {"https://@cdn.example.org/", false},
		"two at signs":                      {"https://evil.test@x@cdn.example.org/", false},
		"backslash before an at sign":       {`https://evil.test\@cdn.example.org/`, false},
		"backslash behind the host":         {`https://cdn.example.org\evil.test`, false},
		"backslashes for slashes":           {`https:\\cdn.example.org\a.jpg`, false},
		"backslash in the path":             {`https://cdn.example.org/a\b.jpg`, false},
		"fragment before an at sign":        {"https://evil.test#@cdn.example.org/", false},
		"query before an at sign":           {"https://evil.test?@cdn.example.org/", false},
		"at sign in a fragment, no path":    {"https://cdn.example.org#@evil.test/", false},
		"at sign in a query, no path":       {"https://cdn.example.org?@evil.test/", false},
		"the same without a slash":          {"https://cdn.example.org#@evil.test", false},
		"a port and a fragment, no path":    {"https://cdn.example.org:443#@evil.test:443/", false},
		"a parameter with an at sign":       {"https://cdn.example.org?a=b&c@evil.test/", false},
		"a query in a fragment":             {"https://cdn.example.org#?@evil.test/", false},
		"a fragment in a query":             {"https://cdn.example.org?#@evil.test/", false},
		"two fragments":                     {"https://cdn.example.org##@evil.test/", false},
		"an escaped at sign, no path":       {"https://cdn.example.org#%40evil.test/", false},
		"an escaped at sign in a query":     {"https://cdn.example.org?%40evil.test/", false},
		"an escaped slash and an at sign":   {"https://cdn.example.org?%2F@evil.test/", false},
		"a backslash in a query":            {`https://cdn.example.org?\@evil.test/`, false},
		"a backslash in a fragment":         {`https://cdn.example.org#\@evil.test/`, false},
		"a tab before an at sign":           {"https://cdn.example.org#\t@evil.test/", false},
		"IPv6 and a fragment, no path":      {"http://[2001:db8::1]#@evil.test/", false},
		"a blank and a query, no path":      {"https://cdn.example.org? @evil.test/", false},
		"a fragment that ends as a host":    {"https://cdn.example.org#.evil.test/", false},
		"one that does by another dot":      {"https://cdn.example.org#。evil.test/", false},
		"one that does by an escaped dot":   {"https://cdn.example.org#%2Eevil.test/", false},
		"a fragment alone":                  {"https://cdn.example.org#a", true},
		"an empty fragment":                 {"https://cdn.example.org#", true},
		"a name in a query, no path":        {"https://cdn.example.org?file=a.jpg", true},
		"at sign in a fragment":             {"https://cdn.example.org/#@evil.test/", true},
		"at sign behind a slash in a query": {"https://cdn.example.org?a=/b@c", true},
		"an escaped fragment in the host":   {"https://evil.test%23.example.com/", false},
		"an escaped fragment and a user":    {"https://cdn.example.org%23@evil.test/", false},
		"an escaped query in the host":      {"https://evil.test%3F.example.com/", false},
		"an escaped backslash in the host":  {"https://evil.test%5C.example.com/", false},
		"an escaped tab in the host":        {"https://cdn%09.example.org/", false},
		"a full-width at sign":              {"https://cdn.example.org＠evil.test/", false},
		"a full-width number sign":          {"https://evil.test＃.example.com/", false},
		"a full-width question mark":        {"https://evil.test？.example.com/", false},
		"a full-width backslash":            {"https://evil.test＼.example.com/", false},
		"a full-width colon":                {"https://cdn.example.org：443/", false},
		"a user of brackets":                {"http://[2001:db8::1]@evil.test/", false},
		"a form feed in the host":           {"https://cdn.example.org\f.evil.test/", false},
		"another port":                      {"https://cdn.example.org:8443/", false},
		"the other scheme's port":           {"https://cdn.example.org:80/", false},
		"a listed port's host without":      {"https://files.example.net/", false},
		"empty port":                        {"https://cdn.example.org:/", false},
		"port zero":                         {"https://cdn.example.org:0/", false},
		"port with a zero":                  {"https://cdn.example.org:0443/", false},
		"port with a sign":                  {"https://cdn.example.org:+443/", false},
		"port too large":                    {"https://cdn.example.org:65979/", false},
		"port of letters":                   {"https://cdn.example.org:https/", false},
		"port beyond ASCII":                 {"https://cdn.example.org:４４３/", false},
		"two ports":                         {"https://cdn.example.org:443:443/", false},
		"empty":                             {" ", false},
		"no scheme":                         {"cdn.example.org/a.jpg", false},
		"relative to a scheme":              {"//cdn.example.org/a.jpg", false},
		"a path":                            {"/a.jpg", false},
		"no slashes":                        {"https:cdn.example.org/a.jpg", false},
		"one slash":                         {"https:/cdn.example.org/a.jpg", false},
		"three slashes":                     {"https:///cdn.example.org/a.jpg", false},
		"four slashes":                      {"https:////cdn.example.org/a.jpg", false},
		"no host":                           {"https://", false},
		"a port alone":                      {"https://:443/", false},
		"FTP":                               {"ftp://cdn.example.org/a.jpg", false},
		"a file":                            {"file://cdn.example.org/a.jpg", false},
		"data":                              {"data:text/plain,a", false},
		"gopher":                            {"gopher://cdn.example.org/", false},
		"a scheme behind another":           {"url:https://cdn.example.org/", false},
		"a scheme within another":           {"http+https://cdn.example.org/", false},
		"a scheme beyond ASCII":             {"httpſ://cdn.example.org/", false},
		"blanks around":                     {" https://cdn.example.org/  ", true},
		"a blank behind the host":           {"https://cdn.example.org ", true},
		"blank in the host":                 {"https://cdn.example.org evil.test/", false},
		"blank in the path":                 {"https://cdn.example.org/a b.jpg", true},
		"blank in the query":                {"https://cdn.example.org?a b", true},
		"blank beyond ASCII":                {"https://cdn.example.org/写真\u3000一.jpg", true},
		"a blank and a name":                {"https://cdn.example.org .evil.test/", false},
		"a blank and a user":                {"https://cdn.example.org @evil.test/", false},
		"a tab behind the host":             {"https://cdn.example.org\t", false},
		"tab in the host":                   {"https://cdn.example\t.org/", false},
		"tab in the scheme":                 {"ht\ttps://cdn.example.org/", false},
		"line end":                          {"https://cdn.example.org/\r\nHost: evil.test", false},
		"line end behind the host":          {"https://cdn.example.org\n.evil.test/", false},
		"NUL":                               {"https://cdn.example.org\x00.evil.test/", false},
		"DEL":                               {"https://cdn.example.org/\x7f", false},
		"C1":                                {"https://cdn.example.org/\u0085", false},
		"no-break space":                    {"https://cdn.example.org/\u00a0", true},
		"no-break space in the host":        {"https://cdn.example.org\u00a0/", false},
		"line separator":                    {"https://cdn.example.org/\u2028", false},
		"not UTF-8":                         {"https://cdn.example.org/\xff", false},
		"an escape in the host":             {"https://cdn%2Eexample.org/", false},
		"an escaped slash in the host":      {"https://evil.test%2F.example.com/", false},
		"an escaped at sign":                {"https://evil.test%40cdn.example.org/", false},
		"an escaped NUL in the host":        {"https://evil.test%00.example.com/", false},
		"a zone":                            {"http://[2001:db8::1%25eth0]/", false},
		"two trailing dots":                 {"https://cdn.example.org../", false},
		"two dots within":                   {"https://a..example.com/", false},
		"a label too long":                  {"https://" + strings.Repeat("a", 64) + ".example.com/", false},
		"a host too long":                   {"https://" + strings.Repeat("a.", 130) + "example.com/", false},
		"an exclamation mark":               {"https://evil.test!.example.com/", false},
		"a comma":                           {"https://evil.test,.example.com/", false},
		"a semicolon":                       {"https://evil.test;.example.com/", false},
		"a quote":                           {`https://evil.test".example.com/`, false},
		"a pipe":                            {"https://evil.test|.example.com/", false},
		"angle brackets":                    {"https://<evil.test>.example.com/", false},
		"curly brackets":                    {"https://{evil.test}.example.com/", false},
		"an ampersand":                      {"https://evil.test&.example.com/", false},
		"a bracket in a name":               {"https://evil.test[.example.com/", false},
		"full-width letters":                {"https://ｃdn.example.org/", false},
		"a full-width dot":                  {"https://cdn．example.org/", false},
		"an ideographic dot":                {"https://cdn。example.org/", false},
		"a full-width slash":                {"https://evil.test／.example.com/", false},
		"a sign that becomes a slash":       {"https://evil.testa℀.example.com/", false},
		"the Kelvin sign":                   {"https://\u212a.example.com/", false},
		"a soft hyphen":                     {"https://cdn\u00ad.example.org/", false},
		"a blank of no width":               {"https://cdn\u200b.example.org/", false},
		"a joiner":                          {"https://a\u200db.example.com/", false},
		"a sharp s":                         {"https://straße.example/", false},
		"a sharp s below":                   {"https://faß.example.com/", false},
		"a final sigma":                     {"https://βόλος.example.com/", false},
		"IDN that is ASCII":                 {"https://xn--cdn-.example.com/", false},
		"IDN that cannot be decoded":        {"https://xn--a.example.com/", false},
		"IDN of a full-width letter":        {"https://xn--p11h.example.com/", false},
		"letters of another script":         {"https://cdn.exаmple.org/", false},
		"IPv4 as a number":                  {"http://3405803781/", false},
		"IPv4 in hexadecimal":               {"http://0xcb007105/", false},
		"IPv4 with a hexadecimal byte":      {"http://0xcb.0.113.5/", false},
		"IPv4 in octal":                     {"http://0313.0.0161.05/", false},
		"IPv4 with a zero":                  {"http://203.0.113.05/", false},
		"IPv4 of three numbers":             {"http://203.0.28933/", false},
		"IPv4 with a trailing dot":          {"http://203.0.113.5./", false},
		"IPv4 in other digits":              {"http://２０３.0.113.5/", false},
		"IPv4 in circled digits":            {"http://①.0.0.1/", false},
		"another IPv4":                      {"http://203.0.113.6/", false},
		"a number at the end":               {"http://a.example.com.5/", false},
		"a hexadecimal end":                 {"http://a.example.com.0x5/", false},
		"IPv4 in brackets":                  {"http://[203.0.113.5]/", false},
		"IPv4 in IPv6":                      {"http://[::ffff:203.0.113.5]/", false},
		"IPv4 in IPv6, hexadecimal":         {"http://[::ffff:cb00:7105]/", false},
		"IPv4-compatible IPv6":              {"http://[::203.0.113.5]/", false},
		"another IPv6":                      {"http://[2001:db8::2]/", false},
		"IPv6 without brackets":             {"http://2001:db8::1/", false},
		"a bracket that is not closed":      {"http://[2001:db8::1/", false},
		"a name in brackets":                {"http://[cdn.example.org]/", false},
		"text behind the bracket":           {"http://[2001:db8::1].evil.test/", false},
		"text before the bracket":           {"http://a[2001:db8::1]/", false},
		"IPvFuture":                         {"http://[v1.a]/", false},
		"localhost":                         {"http://localhost/", false},
		"a dot":                             {"http://./", false},
	} {
		t.Run(name, func(t *testing.T) {
			entries := sourceEntries[:len(sourceEntries)-1]
			rules := compile(t, Policy{FromURL: entries})
			parsed, err := parseSource(c.address)
			refusal := rules.judgeSource(parsed, err)
			if (refusal == nil) != c.allowed {
				t.Fatalf("%q: %v", c.address, refusal)
			}
			if refusal != nil {
				requireRefusal(t, refusal, ErrSourceURL, "from_url")
				return
			}
			if read, err := url.Parse("https://" + parsed.host); err != nil || read.Host != parsed.host {
				t.Errorf("the host %q is none: %v", parsed.host, err)
			}
		})
	}
}

func TestHostsThatCannotBeEntries(t *testing.T) {
	for name, entries := range map[string][]string{
		"a scheme":                      {"https://cdn.example.org"},
		"a path":                        {"cdn.example.org/files"},
		"a query":                       {"cdn.example.org?a"},
		"user":                          {"user@cdn.example.org"},
		"a star alone":                  {"*"},
		"a star and a dot":              {"*."},
		"a star within":                 {"cdn.*.org"},
		"a star within a label":         {"*cdn.example.org"},
		"two stars":                     {"*.*.example.org"},
		"a leading dot":                 {".example.org"},
		"a blank":                       {"cdn.example.org evil.test"},
		"empty":                         {""},
		"an escape":                     {"cdn%2Eexample.org"},
		"a backslash":                   {`cdn.example.org\a`},
		"a sharp s, which is ambiguous": {"straße.example"},
		"IPv4 in octal":                 {"0177.0.0.1"},
		"a short IPv4":                  {"127.1"},
		"below an IPv4":                 {"*.0.0.1"},
		"below a whole IPv4":            {"*.127.0.0.1"},
		"below an IPv6":                 {"*.[::1]"},
		"a network":                     {"10.0.0.0/8"},
		"port zero":                     {"cdn.example.org:0"},
		"any port":                      {"cdn.example.org:*"},
		"off among hosts":               {"off", "cdn.example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := (&Policy{FromURL: entries}).Compile()
			if err == nil || !strings.HasPrefix(err.Error(), "from_url") || !strings.Contains(err.Error(), "write ") {
				t.Fatalf("the error is %v", err)
			}
		})
	}
}

// FuzzSource looks for addresses that are allowed and that Go's parser reads with
// another host.
func FuzzSource(f *testing.F) {
	for _, address := range []string{
		"https://cdn.example.org/a.jpg", "http://user@a.example.com:80/?a#b", "https://WWW.BÜCHER.example./", "http://[2001:db8::1]:80/",
		`http://evil.test\@cdn.example.org/`, "http://0x7f.1/", "https://xn--bcher-kva.example",
		"https://cdn.example.org#@evil.test/", "https://cdn.example.org?a=b",
	} {
		f.Add(address)
	}
	rules, err := newSourceRule(sourceEntries[:len(sourceEntries)-1])
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, address string) {
		parsed, err := parseSource(address)
		if err != nil || !rules.allows(parsed) {
			return
		}
		// What is before the path, and without the blanks around it, which parsers trim or refuse.
		base := strings.Trim(address, " ")
		scheme := strings.Index(base, "://") + len("://")
		if before, _, _ := strings.Cut(base[scheme:], "/"); strings.Contains(before, "@") {
			t.Fatalf("%q is allowed, and has user information to those that end a host at slashes alone", address)
		}
		if end := strings.IndexAny(base[scheme:], "/?#"); end >= 0 {
			base = base[:scheme+end]
		}
		read, err := url.Parse(base)
		if err != nil || read.User != nil || read.Opaque != "" || read.Scheme != "http" && read.Scheme != "https" {
			t.Fatalf("%q is allowed: %v", address, err)
		}
		if again, err := parseSource("https://" + parsed.host + "/"); err != nil || again.host != parsed.host {
			t.Fatalf("%q: the host %q is read as %q: %v", address, parsed.host, again.host, err)
		}
		for _, ending := range []string{".example.com", "cdn.example.org", "files.example.net", "203.0.113.5", "[2001:db8::1]", ".xn--bcher-kva.example"} {
			if strings.HasSuffix(parsed.host, ending) {
				return
			}
		}
		t.Fatalf("%q: the host is %q", address, parsed.host)
	})
}
