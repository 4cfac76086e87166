// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// What may stand beside an uploader in a block, each with what shows that it is
// still there.
var besides = map[string]string{
	"header":       "header X-Beside here",
	"request_body": "request_body {\n\t\tmax_size 4KiB\n\t}",
	"basic_auth":   "basic_auth {\n\t\teditor $2a$04$nk3BmkWwcM8Fkaj9.vFLxuEszYQRRltmTkJSn4BhwYiz86mvKK2ji\n\t}",
}

// uploaders returns the ways to write a gateway in front of an upstream.
func uploaders(upstream string) map[string][]string {
	const project = "project demopublickey {\n\t\t\tsecret_key demosecretkey\n\t\t}"
	return map[string][]string{
		"uploadcare":      {"uploadcare {\n\t\t" + project + "\n\t\tupstream http://" + upstream + "\n\t}"},
		"uploadcare_sign": {"uploadcare_sign {\n\t\t" + project + "\n\t}", "reverse_proxy http://" + upstream},
	}
}

// place is a site of which a test knows what it is to do.
type place struct {
	name     string
	outside  string   // what stands beside the sites: snippets and named routes
	site     string   // what stands in the site
	has      []string // of besides
	endpoint string   // "/base/" if it is empty
}

// Wherever a directive may stand, no upload vanishes, and nothing of what stands
// beside it is lost: neither a limit nor a password.
func TestUploadsArriveWhereverTheDirectiveStands(t *testing.T) {
	sandbox := freeAddress(t)
	var places []place
	for name, lines := range uploaders(sandbox) {
		places = append(places, namedRoutes(name, lines)...)
		places = append(places, otherPlaces(name, lines)...)
	}
	plain := freeAddress(t)
	_, port, _ := strings.Cut(plain, ":")
	var caddyfile strings.Builder
	fmt.Fprintf(&caddyfile, "http://:%s {\n\tbind 127.0.0.1\n\tuploadcare_sandbox\n}\n", sandbox[strings.Index(sandbox, ":")+1:])
	for i, p := range places {
		fmt.Fprintf(&caddyfile, "%s\nhttp://site%d.test:%s {\n\tbind 127.0.0.1\n\t%s\n}\n", p.outside, i, port, p.site)
	}
	c := startCaddy(t, caddyfile.String())
	for i, p := range places {
		t.Run(p.name, func(t *testing.T) {
			checkPlace(t, p, plain, fmt.Sprintf("site%d.test", i), sandbox)
		})
	}
	if strings.Contains(c.output.String(), "panic") {
		t.Error("something panicked")
	}
}

// namedRoutes returns named routes with an uploader beside all of besides, or one
// of them, or none, in every order.
func namedRoutes(name string, lines []string) (places []place) {
	add := func(has []string, block []string) {
		n := len(places)
		route := fmt.Sprintf("%s%d", name, n)
		places = append(places, place{
			name:    fmt.Sprintf("%s/in a named route/%d: %s", name, n, strings.Join(directives(block), ",")),
			outside: fmt.Sprintf("&(%s) {\n\t%s\n}", route, strings.Join(block, "\n\t")),
			site:    "invoke " + route,
			has:     has,
		})
	}
	add(nil, lines)
	for beside, line := range besides {
		for _, order := range permutations(append([]string{line}, lines...)) {
			add([]string{beside}, order)
		}
	}
	all := []string{"header", "request_body", "basic_auth"}
	for _, order := range permutations([]string{besides["header"], besides["request_body"], besides["basic_auth"], lines[0]}) {
		add(all, append(order, lines[1:]...))
	}
	for wrapper, has := range map[string][]string{"route": all, "handle": all} {
		block := []string{besides["header"], besides["request_body"], besides["basic_auth"]}
		add(has, []string{wrapper + " {\n\t" + strings.Join(append(block, lines...), "\n\t") + "\n}"})
	}
	return places
}

// otherPlaces returns the others: blocks, snippets, and behind matchers.
func otherPlaces(name string, lines []string) []place {
	block := strings.Join(lines, "\n\t")
	behind := func(matcher string) string { // every directive behind a matcher
		matched := make([]string, len(lines))
		for i, line := range lines {
			directive, rest, _ := strings.Cut(line, " ")
			matched[i] = directive + " " + matcher + " " + rest
		}
		return strings.Join(matched, "\n\t")
	}
	places := []place{
		{name: "in a site", site: block},
		{name: "in a site, beside the others", site: besides["header"] + "\n\t" + block + "\n\t" + besides["request_body"] + "\n\t" + besides["basic_auth"], has: []string{"header", "request_body", "basic_auth"}},
		{name: "in route", site: "route {\n\t" + besides["basic_auth"] + "\n\t" + block + "\n\t}", has: []string{"basic_auth"}},
		{name: "in handle", site: "handle {\n\t" + besides["request_body"] + "\n\t" + block + "\n\t}", has: []string{"request_body"}},
		{name: "in handle behind a matcher", site: "handle /base/* {\n\t" + block + "\n\t}\n\thandle {\n\trespond \"another\" 404\n\t}"},
		{name: "in handle_path", site: "handle_path /uploads/* {\n\t" + besides["header"] + "\n\t" + block + "\n\t}", has: []string{"header"}, endpoint: "/uploads/base/"},
		{name: "in handle_errors", site: "error /base/* 404\n\thandle_errors {\n\t" + besides["header"] + "\n\t" + block + "\n\t}", has: []string{"header"}},
		{name: "in a snippet", outside: "(snippet_" + name + ") {\n\t" + besides["basic_auth"] + "\n\t" + block + "\n}", site: "import snippet_" + name, has: []string{"basic_auth"}},
		{name: "behind a path", site: behind("/base/*")},
		{name: "behind a matcher", site: "@uploads method POST\n\t" + behind("@uploads")},
		{name: "twice in a site", site: behind("/base/*") + "\n\t" + behind("/uploads/*")},
		{name: "in a named route, behind a matcher", outside: "&(matched_" + name + ") {\n\t@uploads path /base/*\n\t" + besides["basic_auth"] + "\n\t" + behind("@uploads") + "\n}", site: "invoke matched_" + name, has: []string{"basic_auth"}},
		{name: "in a named route that another invokes", outside: "&(inner_" + name + ") {\n\t" + besides["header"] + "\n\t" + block + "\n}\n&(outer_" + name + ") {\n\tinvoke inner_" + name + "\n}", site: "invoke outer_" + name, has: []string{"header"}},
		{name: "in a named route from a snippet", outside: "(part_" + name + ") {\n\t" + besides["basic_auth"] + "\n\t" + block + "\n}\n&(imported_" + name + ") {\n\timport part_" + name + "\n}", site: "invoke imported_" + name, has: []string{"basic_auth"}},
		{name: "in a named route that is invoked in a block", outside: "&(deep_" + name + ") {\n\t" + besides["request_body"] + "\n\t" + block + "\n}", site: "handle /base/* {\n\troute {\n\tinvoke deep_" + name + "\n\t}\n\t}", has: []string{"request_body"}},
		{name: "in a named route, invoked for errors", outside: "&(errors_" + name + ") {\n\t" + besides["header"] + "\n\t" + block + "\n}", site: "error /base/* 404\n\thandle_errors {\n\tinvoke errors_" + name + "\n\t}", has: []string{"header"}},
	}
	for i := range places {
		places[i].name = name + "/" + places[i].name
	}
	return places
}

func checkPlace(t *testing.T, p place, address, host, sandbox string) {
	t.Helper()
	endpoint := p.endpoint
	if endpoint == "" {
		endpoint = "/base/"
	}
	upload := func(content, password string) *http.Response {
		request := newUpload(t, "http://"+address+endpoint, strings.NewReader(formOf(key, file("file", content))))
		request.Host = host
		if password != "" {
			request.SetBasicAuth("editor", password)
		}
		return do(t, http.DefaultClient, request)
	}
	small, large := "a small file of "+p.name, strings.Repeat("x", 8<<10)
	response := upload(small, "letmein")
	header := response.Header.Get("X-Beside")
	checkStored(t, demo{sandbox: sandbox}, response, "file", small)
	for _, beside := range p.has {
		switch beside {
		case "header":
			if header != "here" {
				t.Error("the header is lost")
			}
		case "request_body":
			if response := upload(large, "letmein"); response.StatusCode != http.StatusRequestEntityTooLarge {
				t.Errorf("the limit is lost: status %d, %s", response.StatusCode, readAll(t, response))
			}
		case "basic_auth":
			if response := upload(small, ""); response.StatusCode != http.StatusUnauthorized {
				t.Errorf("the password is lost: status %d, %s", response.StatusCode, readAll(t, response))
			}
		}
	}
}

// directives returns the first word of each line of a block.
func directives(block []string) []string {
	names := make([]string, len(block))
	for i, line := range block {
		names[i], _, _ = strings.Cut(line, " ")
	}
	return names
}

// permutations returns a list in every order.
func permutations(list []string) [][]string {
	if len(list) < 2 {
		return [][]string{list}
	}
	var all [][]string
	for i, first := range list {
		rest := append(append([]string{}, list[:i]...), list[i+1:]...)
		for _, order := range permutations(rest) {
			all = append(all, append([]string{first}, order...))
		}
	}
	return all
}

// A refusal goes to the site's error routes, but not to those again if it
// comes from within them, and by the gateway itself if they say nothing.
func TestARefusalInErrorRoutesComesToAnEnd(t *testing.T) {
	sandbox, plain := freeAddress(t), freeAddress(t)
	_, port, _ := strings.Cut(plain, ":")
	lines := uploaders(sandbox)["uploadcare"]
	caddyfile := fmt.Sprintf("http://%s {\n\tbind 127.0.0.1\n\tuploadcare_sandbox\n}\n", sandbox)
	hosts := map[string]string{
		"again":   lines[0],
		"nothing": "route {\n\treluctant \"does nothing\"\n\t}",
		"odd":     "reverse_proxy " + oddUpstream(t), // which responds with what the request says
	}
	for host, errors := range hosts {
		caddyfile += fmt.Sprintf("http://%s.test:%s {\n\tbind 127.0.0.1\n\terror /base/* 404\n\thandle_errors 403 404 {\n\t%s\n\t}\n\t%s\n}\n", host[:2], port, errors, lines[0])
	}
	c := startCaddy(t, caddyfile)
	for host := range hosts {
		for _, path := range []string{"/base/", "/iframe/"} { // in an error route, and before it
			if path == "/base/" && host != "again" {
				continue // there is no gateway in them
			}
			request := newUpload(t, "http://"+plain+path, strings.NewReader(formOf(field("UPLOADCARE_PUB_KEY", "other"))))
			request.Host = host[:2] + ".test"
			request.Header.Set("X-Response", "HTTP/1.1 099 Odd||")
			response := do(t, http.DefaultClient, request)
			if got := readAll(t, response); response.StatusCode != http.StatusForbidden || got != "UPLOADCARE_PUB_KEY is invalid." {
				t.Errorf("%s, %s: status %d %s", host, path, response.StatusCode, got)
			}
		}
	}
	checkNoPanic(t, c)
}

// Signatures are handed out from a named route, too, behind its password.
func TestASignatureIsHandedOutInANamedRoute(t *testing.T) {
	address := freeAddress(t)
	startCaddy(t, fmt.Sprintf(`&(signature) {
	%s
	%s
	uploadcare_signature {
		project demopublickey
		secret_key demosecretkey
	}
}
http://%s {
	bind 127.0.0.1
	invoke signature
}
`, besides["header"], besides["basic_auth"], address))
	for password, want := range map[string]int{"letmein": http.StatusOK, "": http.StatusUnauthorized} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			request.SetBasicAuth("editor", password)
		}
		response := do(t, http.DefaultClient, request)
		if got := readAll(t, response); response.StatusCode != want || strings.Contains(got, "secureSignature") != (want == http.StatusOK) || response.Header.Get("X-Beside") != "here" {
			t.Errorf("status %d %s, header %v", response.StatusCode, got, response.Header)
		}
	}
}
