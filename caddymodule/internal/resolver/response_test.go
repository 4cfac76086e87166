// SPDX-License-Identifier: Apache-2.0

package resolver_test

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/resolver"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// signature stands in for one that no error may show.
var signature = strings.Repeat("ca9a41e5", 8)

// jwt returns an access token with the claims, whose signature is none.
func jwt(claims string) string {
	segment := base64.RawURLEncoding.EncodeToString
	return segment([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + segment([]byte(claims)) + "." + segment([]byte("canary-canary-canary"))
}

func TestParseReadsBothPairsAndTheToken(t *testing.T) {
	accessToken := jwt(`{"exp":1900000000.7,"iat":1899999000,"uc":{}}`)
	pair := token.Token{Signature: signature, Expire: 1900000000}
	tests := map[string]struct {
		response string
		want     token.Token
	}{
		"File Uploader's pair":      {`{"secureSignature":"` + signature + `","secureExpire":"1900000000"}`, pair},
		"the other pair":            {`{"signature":"` + signature + `","expire":"1900000000"}`, pair},
		"an expiry as a number":     {`{"signature":"` + signature + `","expire":1900000000}`, pair},
		"both pairs, equal":         {`{"secureSignature":"` + signature + `","secureExpire":1900000000,"signature":"` + signature + `","expire":"1900000000"}`, pair},
		"other members":             {" {\"ok\": true, \"Signature\": 1, \"SECUREEXPIRE\": [], \"secureSignature\" : \"" + signature + "\" , \"secureExpire\": 1900000000, \"user\": {\"token\": 1}}\n", pair},
		"an expire of another kind": {`{"secureSignature":"` + signature + `","secureExpire":1900000000,"expire":"tomorrow"}`, pair},
		"a token":                   {`{"token":"` + accessToken + `"}`, token.Token{AccessToken: accessToken, Issued: 1899999000, Expire: 1900000000}},
		"a token and its expiry":    {`{"token":"` + jwt(`{"exp":1900000000}`) + `","expire":3600}`, token.Token{AccessToken: jwt(`{"exp":1900000000}`), Expire: 1900000000}},
		"a token issued strangely":  {`{"token":"` + jwt(`{"exp":1900000000,"iat":"now"}`) + `"}`, token.Token{AccessToken: jwt(`{"exp":1900000000,"iat":"now"}`), Expire: 1900000000}},
		"nulls beside a pair":       {`{"secureSignature":"` + signature + `","secureExpire":1900000000,"signature":null,"expire":null,"token":null}`, pair},
		"nulls beside a token":      {`{"token":"` + accessToken + `","secureSignature":null,"secureExpire":null}`, token.Token{AccessToken: accessToken, Issued: 1899999000, Expire: 1900000000}},
		"a byte order mark":         {"\uFEFF" + `{"signature":"` + signature + `","expire":1900000000}`, pair},
		"escapes":                   {`{"signature":"\u0063` + signature[1:] + `","expire":"1900000000"}`, pair},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := resolver.Parse([]byte(test.response))
			if err != nil || got != test.want {
				t.Errorf("got %s, %v", got, err)
			}
			if err := resolver.Check(got); err != nil {
				t.Errorf("what was parsed does not stand the check: %v", err)
			}
		})
	}
}

func TestAResponseOfNothingIsARefusal(t *testing.T) {
	for _, response := range []string{"null", "{}", " \n{ }\r\n", "\uFEFFnull"} {
		if got, err := resolver.Parse([]byte(response)); !errors.Is(err, token.ErrRefused) || got != (token.Token{}) {
			t.Errorf("%q: got %s, %v", response, got, err)
		}
	}
}

func TestParseSaysWhatIsWrongAndShowsNothingOfIt(t *testing.T) {
	pair := func(signature, expire string) string {
		return `{"secureSignature":` + signature + `,"secureExpire":` + expire + `}`
	}
	quoted := `"` + signature + `"`
	tests := map[string]struct{ response, want string }{
		"nothing":                    {"", "not a JSON object"},
		"a page":                     {"<!doctype html><p>canary", "not a JSON object"},
		"a list":                     {`["` + signature + `"]`, "not a JSON object"},
		"a string":                   {quoted, "not a JSON object"},
		"data after it":              {pair(quoted, "1900000000") + "canary", "not a JSON object"},
		"a second object":            {pair(quoted, "1900000000") + "{}", "not a JSON object"},
		"other members":              {`{"error":"canary"}`, "neither secureSignature and secureExpire nor token"},
		"names in another case":      {`{"SecureSignature":` + quoted + `,"secureexpire":"1900000000"}`, "neither"},
		"an expiry alone":            {`{"expire":"1900000000"}`, "neither"},
		"a signature alone":          {`{"signature":` + quoted + `}`, "without its expiry"},
		"halves of two pairs":        {`{"secureSignature":` + quoted + `,"expire":"1900000000"}`, "without its expiry"},
		"two signatures":             {pair(quoted, "1900000000")[:len(pair(quoted, "1900000000"))-1] + `,"signature":"` + strings.Repeat("0", 64) + `","expire":"1900000000"}`, "two signatures that differ"},
		"two expiries":               {pair(quoted, "1900000000")[:len(pair(quoted, "1900000000"))-1] + `,"signature":` + quoted + `,"expire":"1900000001"}`, "two signatures that differ"},
		"a signature and a token":    {`{"token":"` + jwt(`{"exp":1900000000}`) + `","signature":` + quoted + `,"expire":1900000000}`, "a signature and a token"},
		"a null signature":           {pair("null", "null"), "neither"},
		"a null signature alone":     {pair("null", "1900000000"), "neither"},
		"two byte order marks":       {"\uFEFF\uFEFF{}", "not a JSON object"},
		"a number for a signature":   {pair("1234567890", "1900000000"), "the signature is not a string"},
		"an empty signature":         {pair(`""`, "1900000000"), "not 64 hexadecimal digits"},
		"a short signature":          {pair(quoted[:40]+`"`, "1900000000"), "not 64 hexadecimal digits"},
		"an MD5 signature":           {pair(quoted[:33]+`"`, "1900000000"), "the old MD5 scheme"},
		"an upper-case MD5":          {pair(strings.ToUpper(quoted[:33])+`"`, "1900000000"), "the old MD5 scheme"},
		"upper case":                 {pair(strings.ToUpper(quoted), "1900000000"), "upper case"},
		"a line break after it":      {pair(`"`+signature+`\n"`, "1900000000"), "not 64 hexadecimal digits"},
		"a part of a form in it":     {pair(`"`+signature[:20]+`\r\n--canary\r\n`+signature[:30]+`"`, "1900000000"), "not 64 hexadecimal digits"},
		"other digits":               {pair(`"`+strings.Repeat("０", 64)+`"`, "1900000000"), "not 64 hexadecimal digits"},
		"a null expiry":              {pair(quoted, "null"), "without its expiry"},
		"a list for an expiry":       {pair(quoted, "[1900000000]"), "neither a string nor a number"},
		"milliseconds":               {pair(quoted, "1900000000123"), "looks like milliseconds"},
		"milliseconds as a string":   {pair(quoted, `"1900000000123"`), "looks like milliseconds"},
		"nine digits":                {pair(quoted, "190000000"), "not Unix time in 10 digits"},
		"eleven digits":              {pair(quoted, "19000000000"), "not Unix time in 10 digits"},
		"leading zeros":              {pair(quoted, `"0000000001"`), "not Unix time in 10 digits"},
		"a sign":                     {pair(quoted, "-190000000"), "not Unix time in 10 digits"},
		"an exponent":                {pair(quoted, "1.900e+009"), "not Unix time in 10 digits"},
		"a fraction":                 {pair(quoted, "1900000000.5"), "not Unix time in 10 digits"},
		"a date":                     {pair(quoted, `"2030-03-17"`), "not Unix time in 10 digits"},
		"a line break in the expiry": {pair(quoted, `"1900000000\r"`), "not Unix time in 10 digits"},
		"a token that is no string":  {`{"token":{"canary":1}}`, "the token is not a string"},
		"a null token":               {`{"token":null}`, "neither"},
		"an empty token":             {`{"token":""}`, "not a JWT"},
		"two segments":               {`{"token":"Y2FuYXJ5.Y2FuYXJ5"}`, "not a JWT"},
		"four segments":              {`{"token":"` + jwt(`{"exp":1900000000}`) + `.Y2FuYXJ5"}`, "not a JWT"},
		"an unsigned token":          {`{"token":"` + jwt(`{"exp":1900000000}`)[:20] + `.."}`, "not a JWT"},
		"segments that are no JSON":  {`{"token":"Y2FuYXJ5.Y2FuYXJ5.Y2FuYXJ5"}`, "not a JWT"},
		"a line break in the token":  {`{"token":"` + jwt(`{"exp":1900000000}`) + `\r\nX-Canary: 1"}`, "not a JWT"},
		"padding":                    {`{"token":"` + jwt(`{"exp":1900000000}`) + `=="}`, "not a JWT"},
		"a token without an expiry":  {`{"token":"` + jwt(`{"uc":{}}`) + `"}`, "no claim exp"},
		"claims that are null":       {`{"token":"` + jwt(`null`) + `"}`, "no claim exp"},
		"an expiry as a string":      {`{"token":"` + jwt(`{"exp":"1900000000"}`) + `"}`, "no claim exp"},
		"an expiry of old":           {`{"token":"` + jwt(`{"exp":190000000}`) + `"}`, "no claim exp"},
		"an endless token":           {`{"token":"` + jwt(`{"exp":1e300}`) + `"}`, "no claim exp"},
		"a token in milliseconds":    {`{"token":"` + jwt(`{"exp":1900000000123}`) + `"}`, "exp looks like milliseconds"},
		"a large token":              {`{"token":"` + jwt(`{"exp":1900000000,"x":"`+strings.Repeat("canary", 1200)+`"}`) + `"}`, "too large"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := resolver.Parse([]byte(test.response))
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, token.ErrRefused) {
				t.Fatalf("got %v, want %s", err, test.want)
			}
			if got != (token.Token{}) {
				t.Errorf("got %s", got)
			}
			if shown := strings.ToLower(err.Error()); strings.Contains(shown, "canary") || strings.Contains(shown, "ca9a41e5") || strings.Contains(shown, "19000") || strings.Contains(shown, "y2fuyxj5") {
				t.Errorf("the error shows a value: %v", err)
			}
		})
	}
}

func TestCheckTakesNothingThatParseWouldNotReturn(t *testing.T) {
	accessToken := jwt(`{"exp":1900000000}`)
	for name, bad := range map[string]token.Token{
		"nothing":                  {},
		"no signature":             {Expire: 1900000000},
		"no expiry":                {Signature: signature},
		"a signature and a token":  {Signature: signature, AccessToken: accessToken, Expire: 1900000000},
		"a short signature":        {Signature: signature[1:], Expire: 1900000000},
		"a line break":             {Signature: signature + "\n", Expire: 1900000000},
		"nine digits":              {Signature: signature, Expire: 999999999},
		"eleven digits":            {Signature: signature, Expire: 10000000000},
		"a token's other expiry":   {AccessToken: accessToken, Expire: 1900000001},
		"a token with a header":    {AccessToken: accessToken + "\r\nX: 1", Expire: 1900000000},
		"a token that is not one":  {AccessToken: "canary", Expire: 1900000000},
		"a token without segments": {AccessToken: "..", Expire: 1900000000},
	} {
		if err := resolver.Check(bad); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

var (
	goodSignature  = regexp.MustCompile(`^[0-9a-f]{64}$`)
	goodToken      = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)
	wordOfResponse = regexp.MustCompile(`[0-9A-Za-z_=+/-]{16,}`)
)

// Whatever the response, the values that are returned match the patterns, and errors show
// none of the others.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"secureSignature":"` + signature + `","secureExpire":"1900000000"}`))
	f.Fuzz(func(t *testing.T, response []byte) {
		got, err := resolver.Parse(response)
		if err != nil {
			if got != (token.Token{}) {
				t.Fatalf("an error, and %s", got)
			}
			for _, word := range wordOfResponse.FindAllString(string(response), -1) {
				if strings.Contains(err.Error(), word) {
					t.Fatalf("the error shows %q: %v", word, err)
				}
			}
			return
		}
		for _, value := range []string{got.Signature, got.AccessToken, got.String()} {
			if strings.ContainsAny(value, "\r\n\x00") {
				t.Fatalf("a line break or null in %q", value)
			}
		}
		switch {
		case (got.Signature == "") == (got.AccessToken == ""):
			t.Fatal("both kinds of credential, or none")
		case got.Signature != "" && !goodSignature.MatchString(got.Signature):
			t.Fatalf("signature %q", got.Signature)
		case got.AccessToken != "" && (!goodToken.MatchString(got.AccessToken) || len(got.AccessToken) > 8<<10):
			t.Fatalf("token %q", got.AccessToken)
		case got.Expire < 1_000_000_000 || got.Expire > 9_999_999_999 || got.Issued < 0:
			t.Fatalf("from %d to %d", got.Issued, got.Expire)
		}
		if err := resolver.Check(got); err != nil {
			t.Fatal(err)
		}
	})
}
