// SPDX-License-Identifier: Apache-2.0

package project

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/token"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Invariant 8: the error of an upstream may quote the address that it was asked by.
func TestInvariant8TheLastErrorOfAnUpstreamShowsNoCredential(t *testing.T) {
	signature := token.Sign(fixture.Secret, "1800000000")
	NoteUpstreamFailure("upload.test:443", ReasonReset, errors.New(`Post "https://upload.test/base/?signature=`+signature+`": EOF`))
	last := LastUpstreamFailure()
	if last == nil || last.Upstream != "upload.test:443" || last.Kind != "reset" || last.At.IsZero() || !strings.HasSuffix(last.Error, ": EOF") {
		t.Fatalf("got %+v", last)
	}
	if strings.Contains(last.Error, signature) {
		t.Errorf("the signature is in %s", last.Error)
	}
}

// A status says when the service has rejected a credential, and what the operator is to look at.
func TestAStatusShowsTheLastRejection(t *testing.T) {
	p := MustProject(t, `{"projects":[{"public_key":"unliked","source":{"module":"secret_key","keys":["`+fixture.Secret+`"]}}]}`)
	if status := statusOf(t, "unliked"); status.LastRejection != nil {
		t.Errorf("before: %+v", status.LastRejection)
	}
	signing := new(Signing)
	p.attempt(t, signing)
	signing.Rejected(uploadapi.Invalid)
	last := statusOf(t, "unliked").LastRejection
	if last == nil || last.Kind != "invalid" || last.Error != "likely cause: the secret key does not belong to the project's public key" {
		t.Errorf("got %+v", last)
	}
}
