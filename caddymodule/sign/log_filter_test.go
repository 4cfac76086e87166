// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"encoding/json"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

// Invariant 8, in what Caddy logs of an address: no spelling of a credential's name that
// the gateway knows leaves a value in the log, and nothing else is changed.
func TestInvariant8TheLogFilterRedactsCredentials(t *testing.T) {
	for address, want := range map[string]string{
		"/from_url/?pub_key=a&signature=s3cret&expire=17":               "/from_url/?pub_key=a&signature=REDACTED&expire=REDACTED",
		"/from_url/?SIGNATURE=s3cret":                                   "/from_url/?SIGNATURE=REDACTED",
		"/from_url/?%73ignature=s3cret":                                 "/from_url/?%73ignature=REDACTED",
		"/from_url/?signature%5B%5D=s3cret":                             "/from_url/?signature%5B%5D=REDACTED",
		"/from_url/?UPLOADCARE_SIGNATURE=s3cret":                        "/from_url/?UPLOADCARE_SIGNATURE=REDACTED",
		"/from_url/??signature=s3cret":                                  "/from_url/??signature=REDACTED",
		"/from_url/?a=b;signature=s3cret":                               "/from_url/?REDACTED",
		"/from_url/?signature=s3cret#end":                               "/from_url/?signature=REDACTED",
		"/from_url/?a=b#c&signature=s3cret":                             "/from_url/?a=b#c&signature=REDACTED",
		"/from_url/?source_url=https://a/it's.jpg&signature=s3cret":     "/from_url/?source_url=https://a/it's.jpg&signature=REDACTED",
		`/from_url/?source_url="<a>` + "`" + `"&signature=s3cret&b=c`:   `/from_url/?source_url="<a>` + "`" + `"&signature=REDACTED&b=c`,
		"/from_url/?source_url=a b&signature=one s3cret&b=c":            "/from_url/?source_url=a b&signature=REDACTED&b=c",
		"/from_url/?signature='s3cret'&b=c":                             "/from_url/?signature=REDACTED&b=c",
		"/from_url/?source_url=https://a/?x=1&signature=s3cret":         "/from_url/?source_url=https://a/?x=1&signature=REDACTED",
		`Post "https://u/from_url/?signature=s3cret": EOF, /?b=c`:       `Post "https://u/from_url/?signature=REDACTED": EOF, /?b=c`,
		`Post "https://u/?a='&signature=s3cret": EOF`:                   `Post "https://u/?a='&signature=REDACTED": EOF`,
		`from <https://u/?signature=s3cret>, and https://v/?expire=1.`:  `from <https://u/?signature=REDACTED>, and https://v/?expire=REDACTED.`,
		"/login?rd=https%3A%2F%2Fa%2F%3Fsignature%3Ds3cret&b=c":         "/login?rd=REDACTED&b=c",
		"/login?rd=https%253A%252F%252Fa%252F%253Fsignature%253Ds3cret": "/login?rd=REDACTED",
		`Post "https://u/?signature= s3cret": EOF`:                      `Post "https://u/?signature=REDACTED": EOF`,
		"/login?rd=https%3A%2F%2Fa%2F%3Fb%3Dc":                          "/login?rd=https%3A%2F%2Fa%2F%3Fb%3Dc",
		"/base/?jsonerrors=1&signatures=kept":                           "/base/?jsonerrors=1&signatures=kept",
		"/base/":                                                        "/base/",
		"":                                                              "",
	} {
		filter := new(sign.CredentialFilter)
		if got := filter.Filter(zap.String("uri", address)); got.String != want || got.Key != "uri" {
			t.Errorf("%s\nbecame %s\nwant   %s", address, got.String, want)
		}
		encoder := zapcore.NewMapObjectEncoder()
		filter.Filter(arrayField{"Location", address, "kept"}.field()).AddTo(encoder)
		text, err := json.Marshal(encoder.Fields)
		if err != nil || strings.Contains(string(text), "s3cret") || !strings.Contains(string(text), "kept") {
			t.Errorf("%s in a header: %s, %v", address, text, err)
		}
	}
}

// A client can escape a value over and over: that costs time in proportion to its length.
func TestTheLogFilterIsSwift(t *testing.T) {
	address := "/x?a=" + strings.Repeat("=", 1000) + "%" + strings.Repeat("25", 1000) + "61"
	if got := new(sign.CredentialFilter).Filter(zap.String("uri", address)); got.String != address {
		t.Errorf("became %s", got.String)
	}
}

// arrayField is a header's values, as Caddy logs them.
type arrayField []string

func (a arrayField) field() zap.Field { return zap.Array(a[0], arrayValues(a[1:])) }

type arrayValues []string

func (a arrayValues) MarshalLogArray(encoder zapcore.ArrayEncoder) error {
	for _, value := range a {
		encoder.AppendString(value)
	}
	return nil
}

func TestUnmarshalLogFilter(t *testing.T) {
	if err := new(sign.CredentialFilter).UnmarshalCaddyfile(caddyfile.NewTestDispenser("uploadcare_credentials")); err != nil {
		t.Error(err)
	}
	for _, wrong := range []string{"uploadcare_credentials x", "uploadcare_credentials {\n x\n}"} {
		if err := new(sign.CredentialFilter).UnmarshalCaddyfile(caddyfile.NewTestDispenser(wrong)); err == nil {
			t.Errorf("%q passes", wrong)
		}
	}
}
