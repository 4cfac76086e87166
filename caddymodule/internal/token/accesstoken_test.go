// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	jwtSecret = "YOUR_SECRET_KEY" //nolint:gosec // a test's own
	jwtNow    = 1678359840
)

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// handMade is a JWT that is made without the library: header, claims and the
// HMAC of both, keyed with the digest of the secret.
func handMade(newHash func() hash.Hash, secret, header, claims string) string {
	key := sha256.Sum256([]byte(secret))
	text := encoded(header) + "." + encoded(claims)
	mac := hmac.New(newHash, key[:])
	mac.Write([]byte(text))
	return text + "." + encoded(string(mac.Sum(nil)))
}

func hs256(claims string) string {
	return handMade(sha256.New, jwtSecret, `{"alg":"HS256","typ":"JWT"}`, claims)
}

func mint(t *testing.T, lifetime time.Duration, scope []string, operations int) token.Token {
	t.Helper()
	minted, err := token.MintAccessToken(jwtSecret, time.Unix(jwtNow, 999_999_999), lifetime, scope, operations)
	if err != nil {
		t.Fatal(err)
	}
	return minted
}

// The token is made by hand as well, and written out as Python makes it.
func TestAnAccessTokenIsTheHMACOfItsClaimsKeyedWithTheDigestOfTheSecret(t *testing.T) {
	minted := mint(t, 30*time.Minute+time.Millisecond, []string{"/base/", "//base"}, 0)
	byHand := hs256(`{"exp":1678361640,"iat":1678359840,"uc":{"restrictions":{"scope":["/base/","//base"]}}}`)
	const vector = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9." +
		"eyJleHAiOjE2NzgzNjE2NDAsImlhdCI6MTY3ODM1OTg0MCwidWMiOnsicmVzdHJpY3Rpb25zIjp7InNjb3BlIjpbIi9iYXNlLyIsIi8vYmFzZSJdfX19." +
		"y-7RwOfSRZ4kITfZ0DBWbgoXbpK81VH-P509O8alG_Q"
	if minted.AccessToken != byHand || minted.AccessToken != vector {
		t.Errorf("got  %s\nwant %s\nand  %s", minted.AccessToken, byHand, vector)
	}
	if minted.Issued != jwtNow || minted.Expire != jwtNow+1800 || minted.Signature != "" {
		t.Errorf("issued %d, expires %d", minted.Issued, minted.Expire)
	}
}

// What Uploadcare's own generator yields for the secret of its documentation at
// that moment, for an hour, both restrictions and every other claim.
func TestAnAccessTokenOfAnotherMakerIsVerified(t *testing.T) {
	text := hs256(`{"exp":1678363440,"iat":1678359840,"iss":"my-app","sub":"user-42","jti":"token-1",` +
		`"uc":{"restrictions":{"scope":["/base/","/multipart/*"],"limits":{"operations":20}}}}`)
	verified, err := token.VerifyAccessToken(jwtSecret, text, time.Unix(jwtNow, 0))
	if err != nil {
		t.Fatal(err)
	}
	if verified.Expire != jwtNow+3600 || verified.Operations != 20 {
		t.Errorf("got %+v", verified)
	}
	for path, want := range map[string]bool{
		"/base/": true, "/base": true, "/base//": false, "//base/": false, "/base/x/": false, "/BASE/": false, "/": false, "": false,
		"/multipart/": true, "/multipart/start/": true, "/multipart": true, "/multipartx/": false, "/from_url/": false,
	} {
		if got := verified.Allows(path); got != want {
			t.Errorf("%q is allowed: %v", path, got)
		}
	}
}

func TestATokenWithoutScopeOrOperationsAllowsAll(t *testing.T) {
	for _, claims := range []string{`{"exp":1678363440,"iat":1678359840}`, `{"exp":1678363440,"iat":1678359840,"uc":{"restrictions":{"scope":["/*"]}}}`} {
		verified, err := token.VerifyAccessToken(jwtSecret, hs256(claims), time.Unix(jwtNow, 0))
		if err != nil || verified.Operations != 0 || !verified.Allows("/base/") || !verified.Allows("//group") {
			t.Errorf("%s: %+v, %v", claims, verified, err)
		}
	}
}

// Without an identifier, tokens of one second would share their operations.
func TestTokensWhoseOperationsAreCountedDiffer(t *testing.T) {
	first, second := mint(t, time.Minute, []string{"/base/"}, 7), mint(t, time.Minute, []string{"/base/"}, 7)
	if first.AccessToken == second.AccessToken {
		t.Error("two tokens are one")
	}
	verified, err := token.VerifyAccessToken(jwtSecret, first.AccessToken, time.Unix(jwtNow, 0))
	if err != nil || verified.Operations != 7 || !verified.Allows("/base/") || verified.Allows("/group/") {
		t.Errorf("%+v, %v", verified, err)
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(first.AccessToken, ".")[1])
	if err != nil || !strings.HasPrefix(string(claims), `{"exp":1678359900,"iat":1678359840,"jti":"`) ||
		!strings.HasSuffix(string(claims), `","uc":{"restrictions":{"limits":{"operations":7},"scope":["/base/"]}}}`) {
		t.Errorf("claims %s, %v", claims, err)
	}
}

func TestWhatTheServiceWouldRefuseIsNotMinted(t *testing.T) {
	base := []string{"/base/"}
	tests := map[string]struct {
		lifetime   time.Duration
		scope      []string
		operations int
		want       string
	}{
		"no lifetime":         {0, base, 0, "an access token lives from 1s to 24h0m0s, not 0s"},
		"less than a second":  {999 * time.Millisecond, base, 0, "not 999ms"},
		"more than a day":     {24*time.Hour + 1, base, 0, "not 24h0m0.000000001s"},
		"no scope":            {time.Hour, nil, 0, "it is empty"},
		"a scope of many":     {time.Hour, make([]string, 17), 0, "it has more than 16 items"},
		"an empty item":       {time.Hour, []string{""}, 0, "does not begin with `/`"},
		"no slash":            {time.Hour, []string{"base/"}, 0, "does not begin with `/`"},
		"a long item":         {time.Hour, []string{"/" + strings.Repeat("é", 64)}, 0, "more than 64 characters"},
		"an asterisk alone":   {time.Hour, []string{"*"}, 0, "does not begin with `/`"},
		"an asterisk within":  {time.Hour, []string{"/*/base/"}, 0, "`*` stands elsewhere"},
		"an asterisk after":   {time.Hour, []string{"/base*"}, 0, "`*` stands elsewhere"},
		"two asterisks":       {time.Hour, []string{"/**"}, 0, "`*` stands elsewhere"},
		"too many operations": {time.Hour, base, 100_001, "must be from 1 to 100000"},
		"negative operations": {time.Hour, base, -1, "must be from 1 to 100000"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			minted, err := token.MintAccessToken(jwtSecret, time.Unix(jwtNow, 0), test.lifetime, test.scope, test.operations)
			if err == nil || !strings.Contains(err.Error(), test.want) || minted != (token.Token{}) {
				t.Errorf("got %v, %v", minted, err)
			}
		})
	}
	many := make([]string, 16)
	for i := range many {
		many[i] = "/" + strings.Repeat("é", 63)
	}
	mint(t, 24*time.Hour, many, 100_000)
	mint(t, time.Second, []string{"/*"}, 1)
}

func TestRefusalsOfAnAccessToken(t *testing.T) {
	const times = `"exp":1678361640,"iat":1678359840`
	restricted := func(restrictions string) string {
		return hs256(`{` + times + `,"uc":{"restrictions":` + restrictions + `}}`)
	}
	good := hs256(`{` + times + `}`)
	parts := strings.Split(good, ".")
	many := strings.Repeat(`"/a/",`, 16) + `"/b/"`
	tests := map[string]struct {
		text string
		want error
	}{
		"nothing":                       {"", token.ErrNotAccessToken},
		"a word":                        {"rubbish", token.ErrNotAccessToken},
		"two segments":                  {parts[0] + "." + parts[1], token.ErrNotAccessToken},
		"four segments":                 {good + ".", token.ErrNotAccessToken},
		"a header that is no base64":    {"e*." + parts[1] + "." + parts[2], token.ErrNotAccessToken},
		"a header that is no JSON":      {encoded("{") + "." + parts[1] + "." + parts[2], token.ErrNotAccessToken},
		"claims that are no JSON":       {hs256(`{"exp":`), token.ErrNotAccessToken},
		"base64 with padding":           {good + "=", token.ErrNotAccessToken},
		"a line end in it":              {good[:len(good)-1] + "\n" + good[len(good)-1:], token.ErrNotAccessToken},
		"another spelling of base64":    {good[:len(good)-1] + string(good[len(good)-1]+1), token.ErrNotAccessToken},
		"no algorithm":                  {handMade(sha256.New, jwtSecret, `{"typ":"JWT"}`, `{`+times+`}`), token.ErrAlgorithm},
		"the algorithm none":            {handMade(sha256.New, jwtSecret, `{"alg":"none","typ":"JWT"}`, `{`+times+`}`), token.ErrAlgorithm},
		"none without a signature":      {encoded(`{"alg":"none"}`) + "." + parts[1] + ".", token.ErrAlgorithm},
		"none in odd case":              {encoded(`{"alg":"NoNe"}`) + "." + parts[1] + ".", token.ErrAlgorithm},
		"HS512":                         {handMade(sha512.New, jwtSecret, `{"alg":"HS512"}`, `{`+times+`}`), token.ErrAlgorithm},
		"RS256":                         {handMade(sha256.New, jwtSecret, `{"alg":"RS256"}`, `{`+times+`}`), token.ErrAlgorithm},
		"an algorithm of no name":       {handMade(sha256.New, jwtSecret, `{"alg":256}`, `{`+times+`}`), token.ErrAlgorithm},
		"another secret":                {handMade(sha256.New, "other", `{"alg":"HS256"}`, `{`+times+`}`), token.ErrSignatureMismatch},
		"no signature":                  {parts[0] + "." + parts[1] + ".", token.ErrSignatureMismatch},
		"other claims":                  {parts[0] + "." + encoded(`{"exp":1678361641,"iat":1678359840}`) + "." + parts[2], token.ErrSignatureMismatch},
		"unknown claims, not signed":    {parts[0] + "." + encoded(`{"a":1}`) + "." + parts[2], token.ErrSignatureMismatch},
		"claims of null":                {hs256(`null`), token.ErrInvalidClaims},
		"claims in a list":              {hs256(`[]`), token.ErrInvalidClaims},
		"an unknown claim":              {hs256(`{` + times + `,"aud":"uploadcare"}`), token.ErrInvalidClaims},
		"nbf":                           {hs256(`{` + times + `,"nbf":1678359840}`), token.ErrInvalidClaims},
		"an unknown claim within uc":    {hs256(`{` + times + `,"uc":{"project":"p"}}`), token.ErrInvalidClaims},
		"an unknown restriction":        {restricted(`{"files":1}`), token.ErrInvalidClaims},
		"an unknown limit":              {restricted(`{"limits":{"bytes":1}}`), token.ErrInvalidClaims},
		"a scope that is no list":       {restricted(`{"scope":"/base/"}`), token.ErrInvalidClaims},
		"a text for exp":                {hs256(`{"exp":"1678361640","iat":1678359840}`), token.ErrInvalidClaims},
		"a fraction for exp":            {hs256(`{"exp":1678361640.5,"iat":1678359840}`), token.ErrInvalidClaims},
		"a number for jti":              {hs256(`{` + times + `,"jti":1}`), token.ErrInvalidClaims},
		"no exp":                        {hs256(`{"iat":1678359840}`), token.ErrNoExpiry},
		"nothing at all in it":          {hs256(`{}`), token.ErrNoExpiry},
		"expired 30 seconds ago":        {hs256(`{"exp":1678359810,"iat":1678359000}`), token.ErrAccessTokenExpired},
		"expired long ago":              {hs256(`{"exp":60,"iat":0}`), token.ErrAccessTokenExpired},
		"expired before all time":       {hs256(`{"exp":-9223372036854775808,"iat":9223372036854775807}`), token.ErrAccessTokenExpired},
		"no iat":                        {hs256(`{"exp":1678361640}`), token.ErrNoIssueTime},
		"expired and without iat":       {hs256(`{"exp":60}`), token.ErrAccessTokenExpired},
		"issued in 31 seconds":          {hs256(`{"exp":1678361640,"iat":1678359871}`), token.ErrNotYetIssued},
		"a lifetime of more than a day": {hs256(`{"exp":1678446241,"iat":1678359840}`), token.ErrLivesTooLong},
		"a lifetime of all time":        {hs256(`{"exp":9223372036854775807,"iat":-9223372036854775808}`), token.ErrLivesTooLong},
		"an empty scope":                {restricted(`{"scope":[]}`), token.ErrInvalidScope},
		"a scope of many":               {restricted(`{"scope":[` + many + `]}`), token.ErrInvalidScope},
		"an asterisk alone":             {restricted(`{"scope":["*"]}`), token.ErrInvalidScope},
		"an asterisk after a name":      {restricted(`{"scope":["/base*"]}`), token.ErrInvalidScope},
		"a long path":                   {restricted(`{"scope":["/` + strings.Repeat("a", 64) + `"]}`), token.ErrInvalidScope},
		"no operations":                 {restricted(`{"limits":{"operations":0}}`), token.ErrInvalidOperations},
		"too many operations":           {restricted(`{"limits":{"operations":100001}}`), token.ErrInvalidOperations},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			verified, err := token.VerifyAccessToken(jwtSecret, test.text, time.Unix(jwtNow, 999_999_999))
			if !errors.Is(err, test.want) || verified != nil {
				t.Errorf("got %+v, %v, want %v", verified, err, test.want)
			}
			for part := range strings.SplitSeq(test.text, ".") {
				if len(part) > 8 && strings.Contains(fmt.Sprint(err), part) {
					t.Errorf("the error shows the token: %v", err)
				}
			}
		})
	}
	for name, claims := range map[string]string{
		"expired 29 seconds ago": `{"exp":1678359811,"iat":1678359000}`,
		"issued in 30 seconds":   `{"exp":1678361640,"iat":1678359870}`,
		"a lifetime of a day":    `{"exp":1678446240,"iat":1678359840}`,
	} {
		if _, err := token.VerifyAccessToken(jwtSecret, hs256(claims), time.Unix(jwtNow, 0)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzAccessTokensOfOthersAreNotVerified(f *testing.F) {
	good := hs256(`{"exp":1678361640,"iat":1678359840}`)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(good + "\r\n")
	f.Add(encoded(`{"alg":"none"}`) + "." + encoded(`{}`) + ".")
	f.Add(encoded(`null`) + "." + encoded(`null`) + ".")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := token.VerifyAccessToken(jwtSecret, text, time.Unix(jwtNow, 0)); err == nil && text != good {
			t.Errorf("verified: %q", text)
		}
	})
}
