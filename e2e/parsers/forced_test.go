// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package parsers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
)

// A project's policy forces these fields. What a client sends under their names is to
// survive in no parser.
var (
	forcedNames = []string{"metadata[user]", "UPLOADCARE_STORE", "store"}
	forcedUser  = [2]string{"metadata[user]", "alice ü\u202e;=&\"+%"}
	forcedStore = [2]string{"UPLOADCARE_STORE", "auto"}
)

const (
	forged = "forged"
	honest = "honest" // under a near-name, which arrives
)

// Forged, duplicated and encoded fields, in parts, urlencoded bodies and queries.
func TestForcedFields(t *testing.T) {
	s := theSuite(t)
	forms := slices.Concat(forgedParts(), forgedParams(), nearParts())
	random := rand.New(rand.NewPCG(1, 16))
	for range ofFlag(0, 600, 20_000) {
		forms = append(forms, mutatedForgery(random))
	}
	for j, sees := range s.checkForced(t, forms) {
		if sees < 50 {
			t.Errorf("%s sees the forged field in %d originals: too few to show anything", s.readers[j].name, sees)
		}
	}
}

// checkForced has the fields forced in forms, and returns in how many of them each
// parser sees a forged one as they came.
func (s *suite) checkForced(t *testing.T, forms []request) []int {
	t.Helper()
	messages, lefts, refusals := make([]message, 0, 2*len(forms)), make([]*request, len(forms)), make(map[string]int)
	for i, client := range forms {
		messages = append(messages, client.message())
		left, err := fixture.Force(fixture.Forced{ContentType: client.contentType, Query: client.query, Body: client.body}, forcedNames, forcedUser, forcedStore)
		if err != nil {
			refusals[err.Error()]++
			if strings.Contains(string(client.body)+client.query, honest) {
				t.Errorf("refused: %v\n%s", err, client)
			}
			continue
		}
		anew := client
		anew.contentType, anew.query, anew.body = left.ContentType, left.Query, left.Body
		lefts[i] = &anew
		messages = append(messages, anew.message())
	}
	readings, failed, sees := s.read(t, messages), 0, make([]int, len(s.readers))
	for i, client := range forms {
		originals := readings[0]
		readings = readings[1:]
		for j, r := range s.readers {
			if r.seesForged(&originals[j]) {
				sees[j]++
			}
		}
		if lefts[i] == nil {
			continue
		}
		for j, r := range s.readers {
			if problem := r.wrongForced(client, &originals[j], &readings[0][j]); problem != "" && failed < 20 {
				failed++
				t.Errorf("%s: %s\n--- request\n%s\n--- left\n%s\n  original: %s\n  edited:   %s", r.name, problem, client, *lefts[i], &originals[j], &readings[0][j])
			}
		}
		readings = readings[1:]
	}
	t.Logf("%d forms, in which parsers see a forged field as they came: %v times; of which were refused: %v", len(forms), sees, refusals)
	return sees
}

// wrongForced says in what a reading of an edited form is wrong.
func (r *reader) wrongForced(client request, original, edited *reading) string {
	if edited.failed() {
		return ""
	}
	users, reads := 0, r.usable(client, original) && !r.isLost(client, original) && !slices.ContainsFunc(headers(client), swallows)
	for _, p := range edited.params() {
		switch isUser := r.isForced(p.name, "metadata[user]"); {
		case isUser && !strings.HasPrefix(p.value, forcedUser[1]), r.isForced(p.name, "uploadcare_store") && !strings.HasPrefix(p.value, forcedStore[1]), r.isForced(p.name, "store"):
			return fmt.Sprintf("it sees %q=%q", p.name, p.value)
		case isUser:
			users++
		}
	}
	switch {
	case !reads, users == 0 && r.nested && hasBareBase(original):
		return ""
	case users != 1:
		return fmt.Sprintf("it sees the user %d times", users)
	case contents(original) != contents(edited):
		return "it sees other files"
	}
	for _, p := range original.params() {
		if p.value == honest && !slices.Contains(edited.params(), p) {
			return fmt.Sprintf("it sees %q no more", p.name)
		}
	}
	return ""
}

// seesForged reports whether a parser reads a forged field in a form as it came.
func (r *reader) seesForged(original *reading) bool {
	return slices.ContainsFunc(original.params(), func(p pair) bool {
		return p.value == forged && slices.ContainsFunc(forcedNames, func(name string) bool { return r.isForced(p.name, strings.ToLower(name)) })
	})
}

// hasBareBase reports whether a client has sent `metadata` without a key. With it, qs puts the
// keys of others into a list: metadata[1][user].
func hasBareBase(original *reading) bool {
	return slices.ContainsFunc(original.params(), func(p pair) bool { return p.name == "metadata" })
}

// isForced reports whether a parser's users find a forced field under a name.
func (r *reader) isForced(name, forced string) bool {
	name = strings.ToLower(strings.TrimSpace(name))
	return name == forced || r.nested && strings.HasPrefix(name, forced+"[")
}

// forgeries are spellings of a name. Those of metadata[user] are also its own.
func forgeries(name string) []string {
	list := []string{
		name, string([]byte{name[0] | 0x80}) + name[1:], name + "[]", name + "[a]", name + "[", name + "]", strings.ToUpper(name), " " + name + " ", name + "\x00", "\x00" + name, "/" + name, name + "\x00x", name + ";x", name + "=x", "[" + name, "[[" + name, "%" + fmt.Sprintf("%02x", name[0]) + name[1:],
		"utf-8''" + name, "'" + name + "'", name + "\\", "\\" + name, name + "\xc2\xa0", "\xef\xbb\xbf" + name, "=?utf-8?Q?" + name + "?=", name + ".x", name + "x", strings.ReplaceAll(name, "_", "."), strings.ReplaceAll(name, "_", " "),
	}
	if strings.HasPrefix(name, "metadata") {
		list = append(list, "metadata[user", "metadata.user", "metadata[[user]]", "metadata[][user]", "metadata][user]", "[metadata][user]", "metadata[user]]", "metadata[user][", "metadata[user][a][b]", "metadata[ user]", "metadata[user ]", "metadata [user]", "metadata['user']",
			"metadata%5Buser%5D", "metadata%5buser%5d", "metadata[user%5D", "metadata%255Buser%255D", "metadata[user\x00]", "metadata[us\\er]", "metadata[user;]", "metadata.user[]", "metadata[.user]", "metadata\x00[user]", "metadata[user][0]", "metadata[user]extra")
	}
	return list
}

func forgedParts() []request {
	var forms []request
	for _, name := range forcedNames {
		for _, spelling := range forgeries(name) {
			forms = append(forms, formOf(field(spelling, forged), field(spelling, forged)),
				formOf(disposition(spelling)+"; filename=\"\"\r\n\r\n"+forged), formOf(disposition(spelling)+"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+forged),
				formOf("Content-Disposition: form-data; name="+spelling+"\r\n\r\n"+forged))
		}
		for _, header := range []string{
			`; name*=utf-8''NAME`, `; name*=utf-8''ESCAPED`, `; name="b"; name*=utf-8''ESCAPED`, `; name="b"; name *=utf-8''NAME`, `; name="b"; name*0="NAME"`, `; name*0=HEAD; name*1=TAIL`, `; name="b"; name*0*=utf-8''HEAD; name*1=TAIL`, `; name="NAME"; name="b"`, `; name="b"; name="NAME"`, `; x-name="NAME"; name="b"`,
			`; name="b"; ,name="NAME"`, `; name="b";name="NAME"`, "; name=\"b\"; \xc2\xa0name=\"NAME\"", `; name="b;name=NAME"`, `; name="b"; filename="; name=NAME"`, `; filename="x"; name="NAME"`, `;name="NAME";filename="x"`, `; name="NAME"; filename="/"`, `; name="NAME`, "; name=\"b\"\r\nContent-Disposition: form-data; name=\"NAME\"",
			"; name=\"NAME\"\r\nContent-Disposition: form-data; name=\"NAME\"", "; name=\"NAME\"\r\nContent-Transfer-Encoding: base64", "; name=\"\r\n NAME\"", "; name=\"b\"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nNAME=forged&a=b", "; name=\"b\"\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\nESCAPED=forged",
			"; name=\"b\"\r\nContent-Type: multipart/mixed; boundary=inner\r\n\r\n--inner\r\nContent-Disposition: form-data; name=\"NAME\"\r\n\r\nforged\r\n--inner--\r\n",
		} {
			half := len(name) / 2
			header = strings.NewReplacer("NAME", name, "ESCAPED", strings.NewReplacer("[", "%5B", "]", "%5D").Replace(name), "HEAD", name[:half], "TAIL", name[half:]).Replace(header)
			forms = append(forms, formOf("Content-Disposition: form-data"+header+"\r\n\r\n"+forged))
		}
	}
	return forms
}

func forgedParams() []request {
	const params = "application/x-www-form-urlencoded"
	var forms []request
	for _, name := range forcedNames {
		for _, spelling := range forgeries(name) {
			for _, text := range []string{"%s=forged&%[1]s=forged", "a=b;%s=forged", "?%s=forged;a=b", "%s%%6=forged&%[1]s%%=forged", "%s%%9=forged&%%+9%[1]s=forged", "a=b\xa6%s=forged"} {
				text = fmt.Sprintf(text, strings.NewReplacer("=", "%3D", "&", "%26").Replace(spelling))
				forms = append(forms, urlencoded(params, text+"&pub_key="+publicKey+"&source_url=x"),
					request{method: "GET", path: "/from_url/", query: queryOf("pub_key=" + publicKey + "&" + text + "&source_url=x")})
			}
		}
	}
	return forms
}

// nearParts: names that no server takes for a forced one arrive.
func nearParts() []request {
	var forms []request
	for _, name := range []string{"metadata[users]", "metadata[use]", "metadata[us_er]", "metadata[user.x]", "metadata[user:x]", "xmetadata[user]", "metadata[x][user]", "metadata_user", "metadata-user", "metadata[userx]", "stores", "my_store", "store_", "user"} {
		forms = append(forms, formOf(field(name, honest)), formOf(disposition(name)+"\r\nContent-Type: text/plain\r\n\r\n"+honest),
			urlencoded("application/x-www-form-urlencoded", name+"="+honest+"&pub_key="+publicKey+"&source_url=x"),
			request{method: "GET", path: "/from_url/", query: queryOf("pub_key=" + publicKey + "&" + name + "=" + honest + "&source_url=x")})
	}
	return forms
}

// mutatedForgery makes a form as the grammar does for a credential.
func mutatedForgery(random *rand.Rand) request {
	g := &grammar{Rand: random}
	name := g.one(forcedNames...)
	if g.chance(30) {
		return formOf(disposition(g.spelling(name)) + "\r\n\r\n" + forged)
	}
	return formOf(g.hidden(name) + "\r\n\r\n" + forged)
}
