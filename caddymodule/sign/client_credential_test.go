// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

// Which clients send which state of credential, in each encoding: by this an operator
// knows when the old ones are gone.
func TestClientCredentialsAreCounted(t *testing.T) {
	now := time.Now()
	valid := token.Mint(testSecret, now, time.Hour)
	old := token.Mint(testSecret, now.Add(-time.Hour), time.Minute)
	foreign := token.Mint(otherSecret, now, time.Hour)
	pair := func(t token.Token) [][2]string {
		return [][2]string{{"signature", t.Signature}, {"expire", strconv.FormatInt(t.Expire, 10)}}
	}
	for want, fields := range map[string][][2]string{
		"none":         nil,
		"empty":        {{"signature", ""}, {"expire", ""}},
		"stale":        pair(old),
		"md5":          {{"signature", strings.Repeat("a", 32)}, {"expire", "1500000000"}},
		"milliseconds": {{"signature", strings.Repeat("a", 64)}, {"expire", strconv.FormatInt(now.UnixMilli(), 10)}},
		"invalid":      pair(foreign),
		"valid":        pair(valid),
	} {
		for i, encoding := range encodings {
			t.Run(want+"/"+encoding.name, func(t *testing.T) {
				publicKey := "radar" + want + strconv.Itoa(i)
				sign := mustSign(t, mintingConfig(publicKey, ""))
				fields := append([][2]string{{"pub_key", publicKey}, {"source_url", "https://example.com/a"}}, fields...)
				r := encoding.request("/from_url/", fields...)
				r.Header.Set("User-Agent", "PyUploadcare/4.0")
				wantAccepted(t, sign, r)
				reported.Want(t, map[string]float64{
					`caddy_uploadcare_client_credentials_total{client="python",project="` + publicKey + `",state="` + want + `"}`: 1,
				})
				if counted := strings.Count(reported.Scrape(t), `project="`+publicKey+`",state="`); counted < 8 {
					t.Errorf("%d series", counted)
				}
			})
		}
	}
}

// Of a resolver's project, only the resolver knows the key.
func TestClientCredentialsOfAResolverAreNotVerified(t *testing.T) {
	sign := mustSign(t, askingConfig("unverified", ""))
	sent := token.Mint(otherSecret, time.Now(), time.Hour)
	r := paramsRequest(http.MethodPost, "/group/", urlencoded, "pub_key=unverified&signature="+sent.Signature+"&expire="+strconv.FormatInt(sent.Expire, 10))
	serve(t, sign, r)
	reported.Want(t, map[string]float64{`caddy_uploadcare_client_credentials_total{client="none",project="unverified",state="unverified"}`: 1})
}

// A client that sends access tokens signs, too. A Bearer token of the site's own is none.
func TestClientsOwnAccessTokensAreCounted(t *testing.T) {
	now := time.Now()
	mint := func(secret string, at time.Time) string {
		minted, err := token.MintAccessToken(secret, at, time.Hour, []string{"/base/"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + minted.AccessToken
	}
	site := "bearer " + "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyIn0."
	for name, test := range map[string]struct{ authorization, fields, want string }{
		"valid":   {mint(testSecret, now), "", "valid"},
		"stale":   {mint(testSecret, now.Add(-2*time.Hour)), "", "stale"},
		"foreign": {mint(otherSecret, now), "", "invalid"},
		"site":    {site, "", "none"},
		"basic":   {"Basic dXNlcjpwYXNz", "", "none"},
		"both":    {mint(testSecret, now), "&signature=&expire=", "empty"},
	} {
		t.Run(name, func(t *testing.T) {
			publicKey := "bearer" + name
			sign := mustSign(t, mintingConfig(publicKey, ""))
			r := paramsRequest(http.MethodPost, "/group/", urlencoded, "pub_key="+publicKey+test.fields)
			r.Header.Set("Authorization", test.authorization)
			serve(t, sign, r)
			reported.Want(t, map[string]float64{`caddy_uploadcare_client_credentials_total{client="none",project="` + publicKey + `",state="` + test.want + `"}`: 1})
		})
	}
}
