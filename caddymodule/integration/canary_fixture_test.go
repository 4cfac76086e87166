// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// environment is what a Caddy is given the secrets by.
func (c *canaries) environment(resolver string) []string {
	address, _ := url.Parse(resolver)
	return []string{
		"CANARY_SECRET=" + canaryOfKey, "CANARY_HEADER=" + canaryOfHeader, "CANARY_STATIC=" + c.static,
		"CANARY_EXPIRE=" + strconv.FormatInt(c.expire, 10),
		"CANARY_RESOLVER=http://user:" + canaryOfURL + "@" + address.Host,
		"CANARY_RESOLVER_OF_ALL=" + resolver,
	}
}

// resolve is a resolver whose responses are good or bad as its path says. The bad
// ones show all that it knows.
func (c *canaries) resolve(w http.ResponseWriter, r *http.Request) {
	all := fmt.Sprint(c.signature, " ", c.jwt, " ", r.Header, " ", r.URL)
	pair := func(signature, expire string) {
		fmt.Fprintf(w, `{"secureSignature":%q,"secureExpire":%q}`, signature, expire)
	}
	expire := strconv.FormatInt(c.expire, 10)
	switch path.Base(r.URL.Path) {
	case "pair":
		pair(c.signature, expire)
	case "jwt":
		fmt.Fprintf(w, `{"token":%q}`, c.jwt)
	case "refuses":
		http.Error(w, all, http.StatusUnauthorized)
	case "refuses-and-shows": // where there must be no body
		c.raw(w, "HTTP/1.1 204 No Content\r\n\r\n"+all)
	case "fails":
		http.Error(w, all, http.StatusInternalServerError)
	case "not-found":
		http.Error(w, all, http.StatusNotFound)
	case "elsewhere":
		http.Redirect(w, r, "http://"+c.signature+":"+c.jwt+"@elsewhere.invalid/"+url.PathEscape(all), http.StatusFound)
	case "around":
		http.Redirect(w, r, r.URL.Path+"?"+url.QueryEscape(all), http.StatusFound)
	case "rubbish":
		_, _ = io.WriteString(w, all)
	case "line-feed":
		pair(c.signature+"\r\nX: y", expire)
	case "upper-case":
		pair(strings.ToUpper(c.signature), expire)
	case "milliseconds":
		pair(c.signature, expire+"000")
	case "expired":
		fmt.Fprintf(w, `{"signature":%q,"expire":%d}`, c.signature, c.expire-7200)
	case "both":
		fmt.Fprintf(w, `{"signature":%q,"expire":%q,"token":%q}`, c.signature, expire, c.jwt)
	case "broken-jwt":
		fmt.Fprintf(w, `{"token":%q}`, c.jwt[:len(c.jwt)-3]+"!")
	case "jwt-without-exp":
		fmt.Fprintf(w, `{"token":%q}`, strings.Replace(c.jwt, ".", ".e30", 1))
	case "cut-off":
		c.raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{"+all)
	case "not-http":
		c.raw(w, all)
	case "status":
		c.raw(w, "HTTP/1.1 "+c.signature+" "+c.jwt+"\r\n\r\n")
	case "header":
		c.raw(w, "HTTP/1.1 200 OK\r\n"+all+"\r\n\r\n")
	case "length":
		c.raw(w, "HTTP/1.1 200 OK\r\nContent-Length: "+c.signature+"\r\n\r\n")
	case "chunks":
		c.raw(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+c.signature+"\r\n")
	case "coding":
		c.raw(w, "HTTP/1.1 200 OK\r\nTransfer-Encoding: "+c.jwt+"\r\n\r\n")
	case "too-much":
		c.raw(w, fmt.Sprintf("HTTP/1.1 500 No\r\nContent-Length: 1\r\n\r\n%s", all))
	case "gone":
		c.raw(w, "")
	default:
		panic(http.ErrAbortHandler)
	}
}

// raw responds with bytes.
func (*canaries) raw(w http.ResponseWriter, body string) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(connection, body)
	time.AfterFunc(200*time.Millisecond, func() { _ = connection.Close() })
}

// upload is an Upload API that marks the credentials it gets, and then does as
// the query says.
func (c *canaries) upload(w http.ResponseWriter, r *http.Request) {
	signature, header := r.FormValue("signature"), r.Header.Get("Authorization")
	if signature != "" {
		c.add("signature at the upstream", signature)
	}
	if header != "" {
		_, bearer, _ := strings.Cut(header, " ")
		c.add("token at the upstream", bearer)
		c.add("signature of the token at the upstream", bearer[strings.LastIndexByte(bearer, '.')+1:])
	}
	if len(signature) != 64 && strings.Count(header, ".") != 2 {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	switch then := r.URL.Query().Get("then"); then {
	case "":
		_, _ = io.WriteString(w, `{"file":"6494e6d9-d015-41c2-8f3b-d28295630834"}`)
	case "drop":
		panic(http.ErrAbortHandler)
	default: // an error of the service's own
		code, text, _ := strings.Cut(then, " ")
		if r.URL.Query().Get("jsonerrors") == "1" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"error":{"status_code":403,"content":%q,"error_code":%q}}`, text, code)
			return
		}
		http.Error(w, text, http.StatusForbidden)
	}
}

// canarySite is a gateway, and what an upload through it gets as its response.
type canarySite struct {
	name, project, upstream string
	status                  int
}

// sites returns a gateway for each way in which things go well or wrong.
func (c *canaries) sites(upstream, down, secretFile string) []canarySite {
	resolver := func(address, behaviour, header string) string {
		return "resolver {env." + address + "}/" + behaviour + "?key={env.CANARY_HEADER} {\n\t\t\t\theader " + header + "\n\t\t\t\tretries 1\n\t\t\t}\n"
	}
	of := func(behaviour string) string {
		return resolver("CANARY_RESOLVER", behaviour, "X-App {env.CANARY_HEADER}")
	}
	ofCaller := func(behaviour string) string {
		return resolver("CANARY_RESOLVER_OF_ALL", behaviour, "Authorization {http.request.header.Authorization}")
	}
	const (
		minted  = "secret_key {env.CANARY_SECRET}\n"
		static  = "\t\t\tstatic {env.CANARY_STATIC} {env.CANARY_EXPIRE}\n"
		byToken = "scheme token\n\t\t\t"
	)
	sites := []canarySite{
		{"minted", minted, upstream, 200},
		{"minted, from a file", "secret_key {file." + secretFile + "}\n", upstream, 200},
		{"minted, with two keys", strings.TrimSpace(minted) + " {file." + secretFile + "}\n", upstream, 200},
		{"minted, upstream down", minted, down, 502},
		{"minted tokens", byToken + minted, upstream, 200},
		{"minted tokens, upstream down", byToken + minted, down, 502},
		{"static", strings.TrimSpace(static) + "\n", upstream, 200},
		{"resolved", of("pair"), upstream, 200},
		{"resolved for the caller", ofCaller("pair"), upstream, 200},
		{"refused to the caller", ofCaller("refuses"), upstream, 403},
		{"resolved, upstream down", of("pair"), down, 502},
		{"resolved tokens", byToken + of("jwt"), upstream, 200},
		{"resolved, of the other scheme", of("jwt"), upstream, 503},
		{"resolved tokens, of the other scheme", byToken + of("pair"), upstream, 503},
		{"with a fallback", of("fails") + static, upstream, 200},
		{"with a fallback, refused", of("refuses") + static, upstream, 403},
		{"shared", of("pair") + "\t\t\tshared\n", upstream, 200},
	}
	for _, behaviour := range []string{"refuses", "refuses-and-shows"} {
		sites = append(sites, canarySite{"resolver " + behaviour, of(behaviour), upstream, 403})
	}
	for _, behaviour := range []string{
		"fails", "not-found", "elsewhere", "around", "rubbish", "line-feed", "upper-case", "milliseconds", "expired", "both",
		"broken-jwt", "jwt-without-exp", "cut-off", "not-http", "status", "header", "length", "chunks", "coding", "too-much", "gone", "aborts",
	} {
		sites = append(sites,
			canarySite{"resolver " + behaviour, of(behaviour), upstream, 503},
			canarySite{"resolver of tokens " + behaviour, byToken + of(behaviour), upstream, 503})
	}
	return sites
}

// loadErrors returns what Caddy says to configs that are wrong.
func (c *canaries) loadErrors(running *caddyProcess, resolver, secretFile string) string {
	running.t.Helper()
	var said strings.Builder
	long := "{file." + secretFile + "}"
	for name, project := range map[string]string{
		"threshold":           "secret_key {env.CANARY_SECRET}\n\t\t\tthreshold 1h",
		"two sources":         "secret_key {env.CANARY_SECRET}\n\t\t\tresolver {env.CANARY_RESOLVER}",
		"two sources, static": "secret_key {env.CANARY_SECRET}\n\t\t\tstatic {env.CANARY_STATIC} {env.CANARY_EXPIRE}",
		"secret as a key":     "secret_key {env.CANARY_SECRET} {env.NOT_SET}",
		"half a placeholder":  "secret_key " + canaryOfKey + "{env.NOT_SET}",
		"a block":             "secret_key " + canaryOfKey + " {\n\t\t\t\tx\n\t\t\t}",
		"static of a secret":  "static {env.CANARY_SECRET} {env.CANARY_EXPIRE}",
		"static, no number":   "static {env.CANARY_STATIC} {env.CANARY_SECRET}",
		"static, turned":      "static {env.CANARY_EXPIRE} {env.CANARY_STATIC}",
		"static, literally":   "static " + c.static + " " + canaryOfKey,
		"static, three":       "static " + c.static + " 1 " + canaryOfKey,
		"resolver of a key":   "resolver {env.CANARY_SECRET}",
		"resolver, http":      "resolver http://user:" + canaryOfURL + "@app.example.com/",
		"resolver, two":       "resolver https://user:" + canaryOfURL + "@app.example.com/ " + canaryOfKey,
		"resolver, broken":    "resolver https://user:" + canaryOfURL + "@app.example.com:port/",
		"a header's line":     "resolver {env.CANARY_RESOLVER} {\n\t\t\t\theader X-App \"" + canaryOfHeader + "\n\t\t\t\tX: y\"\n\t\t\t}",
		"a header's file":     "resolver {env.CANARY_RESOLVER} {\n\t\t\t\theader X-App {file." + running.path() + "}\n\t\t\t}",
		"a header, three":     "resolver {env.CANARY_RESOLVER} {\n\t\t\t\theader Authorization Bearer " + canaryOfHeader + "\n\t\t\t}",
		"a public key":        "secret_key {env.CANARY_SECRET}\n\t\t}\n\t\tproject demopublickey {\n\t\t\tsecret_key " + long,
		"two users":           "resolver {env.CANARY_RESOLVER} {\n\t\t\t\theader Authorization \"Bearer {env.CANARY_HEADER}\"\n\t\t\t}",
	} {
		config := filepath.Join(running.t.TempDir(), "Caddyfile")
		text := "{\n\tadmin off\n}\nhttp://127.0.0.1:0 {\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\t" + project + "\n\t\t}\n\t}\n}\n"
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			running.t.Fatal(err)
		}
		output, err := running.run(running.t.Context(), c.environment(resolver), "validate", "--config", config).CombinedOutput()
		if err == nil {
			running.t.Errorf("%s: a bad config is valid: %s", name, output)
		}
		fmt.Fprintf(&said, "%s: %s\n", name, output)
	}
	return said.String()
}
