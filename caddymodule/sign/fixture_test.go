// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
)

const (
	testBoundary = "----WebKitFormBoundary7MA4YWxk"
	testSecret   = fixture.Secret

	onlyProject = `{"projects":[{"public_key":"demopublickey","source":{"module":"secret_key","keys":["` + testSecret + `"]}}]}`
)

// newSign provisions a handler from JSON.
func newSign(t *testing.T, config string) (*Sign, error) {
	t.Helper()
	sign := new(Sign)
	if err := json.Unmarshal([]byte(config), sign); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(func() {
		cancel()
		if err := sign.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	return sign, sign.provision(ctx, zap.New(fixture.NewCore()))
}

func mustSign(t *testing.T, config string) *Sign {
	t.Helper()
	sign, err := newSign(t, config)
	if err != nil {
		t.Fatal(err)
	}
	return sign
}

// unmarshalSign parses a Caddyfile directive.
func unmarshalSign(text string) (*Sign, error) {
	sign := new(Sign)
	return sign, sign.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
}

// newSignature provisions a handler of signatures from JSON.
func newSignature(t *testing.T, config string) (*Signature, error) {
	t.Helper()
	signature := new(Signature)
	if err := json.Unmarshal([]byte(config), signature); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(func() {
		cancel()
		if err := signature.Cleanup(); err != nil {
			t.Error(err)
		}
	})
	err := signature.Provision(ctx)
	signature.logger = zap.NewNop()
	return signature, err
}

func unmarshalSignature(text string) error {
	return new(Signature).UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
}

// part is one part of a form, header and content.
func part(header, content string) string { return header + "\r\n\r\n" + content }

func field(name, value string) string {
	return part(`Content-Disposition: form-data; name="`+name+`"`, value)
}

func file(name, filename, content string) string {
	return part(`Content-Disposition: form-data; name="`+name+`"; filename="`+filename+`"`+"\r\nContent-Type: image/jpeg", content)
}

func formOf(parts ...string) string {
	var form strings.Builder
	for _, p := range parts {
		form.WriteString("--" + testBoundary + "\r\n" + p + "\r\n")
	}
	form.WriteString("--" + testBoundary + "--\r\n")
	return form.String()
}

// uploadRequest is a POST of a form to /base/, with a length.
func uploadRequest(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/base/", strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/form-data; boundary="+testBoundary)
	return r
}

// received is what reached the next handler.
type received struct {
	request *http.Request
	body    []byte
	err     error // of reading the body; nil when it came to its end
	called  bool
}

// upstream is a next handler that reads the body and answers 200, or returns
// the body's error as a proxy does.
func (rec *received) upstream(w http.ResponseWriter, r *http.Request) error {
	rec.called, rec.request = true, r
	if r.Body == nil {
		return nil
	}
	rec.body, rec.err = io.ReadAll(r.Body)
	if rec.err != nil {
		return caddyhttp.Error(http.StatusBadGateway, rec.err)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func serve(t *testing.T, sign *Sign, r *http.Request) (*received, *httptest.ResponseRecorder) {
	t.Helper()
	rec, w := new(received), httptest.NewRecorder()
	if err := sign.ServeHTTP(w, r, caddyhttp.HandlerFunc(rec.upstream)); err != nil {
		t.Fatalf("ServeHTTP: %v", err)
	}
	return rec, w
}

// parsedField is one part as mime/multipart reads it.
type parsedField struct{ name, filename, value string }

func parseForm(t *testing.T, body []byte) []parsedField {
	t.Helper()
	var fields []parsedField
	reader := multipart.NewReader(bytes.NewReader(body), testBoundary)
	for {
		p, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return fields
		}
		if err != nil {
			t.Fatalf("what went upstream cannot be read: %v\n%q", err, body)
		}
		value, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		fields = append(fields, parsedField{p.FormName(), p.FileName(), string(value)})
	}
}

// checkCredential checks that fields hold exactly one credential, that it comes
// last, that it is made with secret and that it is fresh. It returns the rest.
func checkCredential(t *testing.T, fields []parsedField, secret string) []parsedField {
	t.Helper()
	if len(fields) < 2 {
		t.Fatalf("no credential in %v", fields)
	}
	signature, expire := fields[len(fields)-2], fields[len(fields)-1]
	seconds, err := strconv.ParseInt(expire.value, 10, 64)
	if signature.name != "signature" || expire.name != "expire" || err != nil {
		t.Fatalf("the last fields are not the credential: %v", fields)
	}
	if token.Sign(secret, expire.value) != signature.value {
		t.Errorf("the signature does not belong to expire %s", expire.value)
	}
	if seconds <= time.Now().Unix() {
		t.Errorf("the credential expired at %d", seconds)
	}
	rest := fields[:len(fields)-2]
	if slices.ContainsFunc(rest, func(f parsedField) bool {
		name := strings.ToLower(f.name)
		return f.filename == "" && (strings.HasSuffix(name, "signature") || strings.HasSuffix(name, "expire"))
	}) {
		t.Errorf("a stale field was left: %v", rest)
	}
	return rest
}
