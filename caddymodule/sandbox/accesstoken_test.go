// SPDX-License-Identifier: Apache-2.0

package sandbox

import (
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// jwtOf signs claims without checking them.
func jwtOf(t *testing.T, secret string, claims jwt.MapClaims) string {
	t.Helper()
	key := sha256.Sum256([]byte(secret))
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(key[:])
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// accessToken mints a sound token that lives for a minute.
func accessToken(t *testing.T, operations int, scope ...string) string {
	t.Helper()
	minted, err := token.MintAccessToken(testSecretKey, time.Unix(testNow, 0), time.Minute, scope, operations)
	if err != nil {
		t.Fatal(err)
	}
	return minted.AccessToken
}

// authorized adds a token to a request.
func authorized(r *http.Request, text string) *http.Request {
	r.Header.Add("Authorization", "Bearer "+text)
	return r
}

func invalid(reason string) *uploadapi.Error {
	return refusal(401, "AccessTokenInvalidError", "Invalid token. Reason: "+reason)
}

func both() *uploadapi.Error {
	return refusal(403, "AccessTokenInvalidError", "Do not use `signature` or `expire` together with a Bearer token.")
}

func stale(name string) *uploadapi.Error {
	return refusal(400, "SandboxStaleCredentialError", "`"+name+"` has no place beside a Bearer token.")
}

type accessTokenCase struct {
	name          string
	authorization []string
	parts         []string // beside public key and file
	query         string
	want          *uploadapi.Error
}

func accessTokenCases(t *testing.T) []accessTokenCase {
	t.Helper()
	bearer := func(text string) []string { return []string{"Bearer " + text} }
	claims := func(more jwt.MapClaims) []string {
		all := jwt.MapClaims{"iat": testNow, "exp": testNow + 60}
		for name, value := range more {
			if all[name] = value; value == nil {
				delete(all, name)
			}
		}
		return bearer(jwtOf(t, testSecretKey, all))
	}
	restrictions := func(restrictions map[string]any) []string {
		return claims(jwt.MapClaims{"uc": map[string]any{"restrictions": restrictions}})
	}
	good := bearer(accessToken(t, 0, "/base/"))
	signature := credential(strconv.Itoa(testNow + 60))
	format := refusal(401, "AccessTokenInvalidError", "Invalid Authorization header format.")
	expired := refusal(401, "AccessTokenExpiredError", "Expired token.")
	scope := refusal(403, "ScopeForbiddenError", "`uc.restrictions.scope` does not allow this endpoint.")
	return []accessTokenCase{
		{"a scheme of another API", []string{"Uploadcare demopublickey:abc"}, nil, "", format},
		{"a password", []string{"Basic dXNlcjpwYXNz"}, nil, "", format},
		{"a token without its scheme", []string{good[0][len("Bearer "):]}, nil, "", format},
		{"the scheme alone", []string{"Bearer"}, nil, "", format},
		{"the scheme in lower case", []string{strings.ToLower(good[0][:1]) + good[0][1:]}, nil, "", format},
		{"an empty header", []string{""}, nil, "", format},
		{"no JWT", bearer("rubbish"), nil, "", invalid("unreadable or not a JWT")},
		{"two of them", append(good[:1:1], good...), nil, "", refusal(400, "SandboxDuplicateCredentialError", "`Authorization` was sent more than once.")},
		{"another secret", bearer(jwtOf(t, "other", jwt.MapClaims{"iat": testNow, "exp": testNow + 60})), nil, "", invalid("signature does not match")},
		{"the algorithm none", bearer("eyJhbGciOiJub25lIn0.eyJpYXQiOjE4MDAwMDAwMDAsImV4cCI6MTgwMDAwMDA2MH0."), nil, "", invalid("`alg` must be HS256")},
		{"no exp", claims(jwt.MapClaims{"exp": nil}), nil, "", invalid("`exp` is required")},
		{"no iat", claims(jwt.MapClaims{"iat": nil}), nil, "", invalid("`iat` is required")},
		{"an unknown claim", claims(jwt.MapClaims{"aud": "uploadcare"}), nil, "", invalid("a claim is unknown or of a wrong type")},
		{"from the future", claims(jwt.MapClaims{"iat": testNow + 31}), nil, "", invalid("`iat` is in the future")},
		{"too long a life", claims(jwt.MapClaims{"exp": testNow + 86_401}), nil, "", invalid("`exp` must be at most 86400 seconds after `iat`")},
		{"expired half a minute ago", claims(jwt.MapClaims{"exp": testNow - 30, "iat": testNow - 60}), nil, "", expired},
		{"a scope that is none", restrictions(map[string]any{"scope": []string{"*"}}), nil, "", invalid("invalid `uc.restrictions.scope`: an item does not begin with `/`")},
		{"no operations", restrictions(map[string]any{"limits": map[string]int{"operations": 0}}), nil, "", invalid("`uc.restrictions.limits.operations` must be from 1 to 100000")},
		{"another endpoint's", bearer(accessToken(t, 0, "/group/", "/multipart/*")), nil, "", scope},
		{"a scope without its last slash", bearer(accessToken(t, 0, "/base")), nil, "", scope},
		{"another endpoint's, spent", bearer(accessToken(t, 1, "/group/")), nil, "", scope},
		{"too few operations", bearer(accessToken(t, 1, "/base/")), []string{file("another", "b", "b")}, "", refusal(403, "OperationsLimitExceededError", "The operation limit of the token is exhausted.")},
		{"a signature beside it", good, signature, "", both()},
		{"any signature beside it", good, []string{field("signature", "x")}, "", both()},
		{"an expire beside it", good, []string{field("expire", "1")}, "", both()},
		{"a signature in the query", good, nil, "signature=x", both()},
		{"an expire in the query", good, nil, "expire=1", both()},
		{"both, and the header is none", []string{"Basic x"}, []string{field("signature", "x")}, "", both()},
		{"both, and the token has expired", claims(jwt.MapClaims{"exp": testNow - 60, "iat": testNow - 90}), []string{field("expire", "x")}, "", both()},
		{"an empty signature beside it", good, []string{field("signature", "")}, "", stale("signature")},
		{"an empty expire in the query", good, nil, "expire=", stale("expire")},
		{"the iframe's signature beside it", good, []string{field("UPLOADCARE_SIGNATURE", "x")}, "", stale("UPLOADCARE_SIGNATURE")},
		{"an expire in odd case", good, []string{field("Expire", "1")}, "", stale("Expire")},
		{"the form is judged first", bearer("rubbish"), []string{field("a", "\x00")}, "", refusal(400, "NullCharactersForbiddenError", "Null characters are not allowed.")},
		{"the token is judged before the fields", bearer("rubbish"), []string{field("UPLOADCARE_STORE", "maybe")}, "", invalid("unreadable or not a JWT")},
	}
}

func TestRefusalsOfAnAccessToken(t *testing.T) {
	for _, tc := range accessTokenCases(t) {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			form := formOf(append([]string{publicKey, aFile}, tc.parts...)...)
			for target, want := range map[string]func(*testing.T, *httptest.ResponseRecorder, *uploadapi.Error){
				"/base/?" + tc.query:              wantRefusal,
				"/base/?jsonerrors=1&" + tc.query: wantEnvelope,
			} {
				r := uploadRequest(target, form)
				r.Header["Authorization"] = tc.authorization
				response := f.do(t, r)
				want(t, response, tc.want)
				for _, text := range append(tc.authorization, testSecretKey) {
					if len(text) > 8 && strings.Contains(response.Body.String(), text) {
						t.Errorf("the response shows %s", text)
					}
				}
			}
			f.wantNothingKept(t)
			for _, entry := range f.logs.All() {
				for _, text := range entry.ContextMap() {
					if text, ok := text.(string); ok && strings.Contains(text, "eyJ") {
						t.Errorf("the log shows %s", text)
					}
				}
			}
		})
	}
}

func TestAcceptedWithAnAccessToken(t *testing.T) {
	bare := jwtOf(t, testSecretKey, jwt.MapClaims{"iat": testNow, "exp": testNow + 60})
	for _, tc := range []struct {
		name, target, text string
		parts              []string
	}{
		{"its endpoint's", "/base/", accessToken(t, 0, "/base/"), []string{publicKey, aFile}},
		{"no slash at the end of the request", "/base", accessToken(t, 0, "/base/"), []string{aFile, publicKey}},
		{"the request's own spelling", "//base", accessToken(t, 0, "//base/"), []string{publicKey, aFile}},
		{"everybody's", "/base/", accessToken(t, 0, "/*"), []string{publicKey, aFile}},
		{"no restrictions", "//base//", bare, []string{publicKey, aFile}},
		{"no public key", "/base/", bare, []string{aFile}},
		{"another public key", "/base/", bare, []string{field("UPLOADCARE_PUB_KEY", "other"), aFile}},
		{"a file called signature", "/base/", bare, []string{aFile, file("signature", "signature", "x")}},
		{"every claim", "/base/", jwtOf(t, testSecretKey, jwt.MapClaims{
			"iat": testNow + 30, "exp": testNow + 86_400, "iss": "i", "sub": "s", "jti": "j",
			"uc": map[string]any{"restrictions": map[string]any{"scope": []string{"/group/", "/base/"}, "limits": map[string]int{"operations": 1}}},
		}), []string{publicKey, aFile}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t)
			ids := uuidsOf(t, f.do(t, authorized(uploadRequest(tc.target, formOf(tc.parts...)), tc.text)))
			if got := f.get(t, "/"+ids["file"]+"/").Body.String(); got != "hello" {
				t.Errorf("stored %q", got)
			}
		})
	}
}

// Endpoints without a credential ignore one.
func TestOtherEndpointsIgnoreTheHeader(t *testing.T) {
	f := newFixture(t)
	id := f.accepted(t, aFile)["file"]
	for _, target := range []string{"/from_url/status/?token=none", "/info/?pub_key=" + testPublicKey + "&file_id=" + id} {
		if response := f.do(t, authorized(httptest.NewRequest(http.MethodGet, target, nil), "rubbish")); response.Code != http.StatusOK {
			t.Errorf("%s: %d %s", target, response.Code, response.Body)
		}
	}
}

// An upload that lasts longer than its token lives is refused when it has
// arrived, which is the latest moment at which the service may judge it.
func TestATokenIsJudgedWhenTheBodyHasArrived(t *testing.T) {
	for arrives, want := range map[int64]int{testNow + 60 + 29: http.StatusOK, testNow + 60 + 30: http.StatusUnauthorized} {
		f := newFixture(t)
		form := strings.NewReader(formOf(publicKey, aFile))
		body := readerFunc(func(p []byte) (int, error) {
			n, err := form.Read(p)
			if err != nil {
				f.clock.seconds.Store(arrives)
			}
			return n, err
		})
		response := f.do(t, authorized(streamRequest("/base/", body), accessToken(t, 0, "/base/")))
		if response.Code != want {
			t.Errorf("%d seconds after its expiry: %d %s", arrives-testNow-60, response.Code, response.Body)
		}
	}
}

func TestRequestsWithAnAccessTokenAreThrottledToo(t *testing.T) {
	f := newFixture(t, func(h *Handler) { h.ThrottleEvery = 1 })
	response := f.do(t, authorized(uploadRequest("/base/", formOf(aFile)), accessToken(t, 0, "/base/")))
	wantRefusal(t, response, uploadapi.ErrThrottled)
}
