// SPDX-License-Identifier: Apache-2.0

package sign_test

import (
	"bytes"
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

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/sign"
)

const (
	testBoundary = fixture.Boundary
	testSecret   = fixture.Secret
	urlencoded   = fixture.URLEncoded

	maxKeptSize    = sign.MaxKeptSize
	maxParamsSize  = sign.MaxParamsSize
	offsetInterval = sign.OffsetInterval

	statusClientClosedRequest = 499 // which no client receives: it is gone

	onlyProject = `{"projects":[{"public_key":"demopublickey","source":{"module":"secret_key","keys":["` + testSecret + `"]}}]}`
)

// What forms and requests are made with.
var (
	part, field, file, formOf    = fixture.Part, fixture.Field, fixture.File, fixture.Form
	uploadRequest, paramsRequest = fixture.UploadRequest, fixture.ParamsRequest

	demoKey = field("UPLOADCARE_PUB_KEY", "demopublickey")
)

// Sign is the handler, in tests whose handler has the package's name.
type Sign = sign.Sign

func newSign(tb testing.TB, config string) (*Sign, error) {
	tb.Helper()
	return fixture.Load[*Sign](tb, "http.handlers.uploadcare_sign", config)
}

func mustSign(tb testing.TB, config string) *Sign {
	tb.Helper()
	return fixture.MustLoad[*Sign](tb, "http.handlers.uploadcare_sign", config)
}

// unmarshalSign parses a Caddyfile directive.
func unmarshalSign(text string) (*Sign, error) {
	sign := new(Sign)
	return sign, sign.UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
}

func newSignature(tb testing.TB, config string) (*sign.Signature, error) {
	tb.Helper()
	return fixture.Load[*sign.Signature](tb, "http.handlers.uploadcare_signature", config)
}

func unmarshalSignature(text string) error {
	return new(sign.Signature).UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
}

// received is what reached the next handler.
type received struct {
	request *http.Request
	body    []byte
	err     error // of reading the body; nil when it came to its end
	called  bool
}

// upstream is a next handler that reads the body and responds with 200, or returns
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
	_, err := io.WriteString(w, "{}")
	return err
}

// serveBy gives a handler a request, before a next one, and returns what the client is
// sent.
func serveBy(t *testing.T, sign *Sign, r *http.Request, next caddyhttp.HandlerFunc) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := sign.ServeHTTP(w, r, next); err != nil {
		t.Fatalf("ServeHTTP: %v", err)
	}
	return w
}

func serve(t *testing.T, sign *Sign, r *http.Request) (*received, *httptest.ResponseRecorder) {
	t.Helper()
	rec := new(received)
	return rec, serveBy(t, sign, r, rec.upstream)
}

// down is a next handler whose upstream cannot be reached.
func down(http.ResponseWriter, *http.Request) error {
	return caddyhttp.Error(http.StatusBadGateway, errors.New("connection refused"))
}

// startServer serves a handler over HTTP, before a next one. A next handler that
// panics breaks its response off.
func startServer(t *testing.T, sign *Sign, next caddyhttp.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := sign.ServeHTTP(w, r, next); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server
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
