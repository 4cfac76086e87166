// SPDX-License-Identifier: Apache-2.0

package caddymodule

import (
	"net/http"

	"go.uber.org/zap"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// heal looks at what the service says of the upload's credential, once the
// answer has come. If that can be mended, and the request is at hand to be made
// again, it returns the upload that is to be sent in its place; otherwise nil.
// failed says that something else went wrong too.
func (u *upload) heal(answer *answerWriter, r *http.Request, failed bool) *upload {
	rejection := answer.rejection()
	if rejection != 0 || u.look != nil {
		u.sign.compareClocks(answer, u.look)
	}
	if !u.granted.Load() {
		return nil
	}
	if rejection == 0 {
		if answer.accepted() {
			u.grant.accepted()
		} else {
			u.grant.undecided()
		}
		return nil
	}
	if !u.rejected(rejection) || failed || u.number >= u.maxRepeats() {
		return nil
	}
	again := u.again(answer)
	if again == nil || !again.renew(u, rejection) || again.prepare(r) != nil {
		return nil // and the client learns what the service said
	}
	if check := u.sign.logger.Check(zap.DebugLevel, "sending upload again, with another credential"); check != nil {
		check.Write(zap.Stringer("rejection", rejection), zap.String("endpoint", u.endpoint.Path), zap.String("public_key", u.grant.grantor.project.publicKey))
	}
	return again
}

// maxRepeats returns how often the request may be sent again: once, or until
// each of the project's secret keys has been tried.
func (u *upload) maxRepeats() int {
	if keys, ok := u.grant.grantor.project.source.(*SecretKey); ok {
		return len(keys.secrets)
	}
	return 1
}

// again returns the upload with its body as the client sent it, or nil if that
// was not kept.
func (u *upload) again(answer *answerWriter) *upload {
	again := &upload{sign: u.sign, endpoint: u.endpoint, grantors: u.grantors, ctx: withOwnVars(u.ctx), query: u.query}
	again.number = u.number + 1
	again.counted.Store(u.counted.Load())
	switch {
	case u.incoming == nil, u.readsQueryAlone():
	case u.params != nil:
		again.incoming = replayParams(u.params)
	case u.incoming.keeps:
		if u.incoming.left() { // the service had seen enough
			u.incoming.readOff(http.NewResponseController(answer))
		}
		whole, ok := u.incoming.all()
		if !ok {
			return nil
		}
		again.incoming = replayBody(whole)
	default:
		return nil
	}
	return again
}

// renew gets another credential than the one that was rejected. One that is
// made for each request is made with the request.
func (u *upload) renew(before *upload, rejection uploadapi.Rejection) bool {
	grantor := before.grant.grantor
	project := grantor.project
	if len(before.refused) > 0 {
		return u.takeNextKey(project, before.refused)
	}
	if project.accessTokens != nil {
		return true
	}
	fresh, err := grantor.another(u.ctx)
	if err != nil || fresh.Signature == before.grant.token.Signature && fresh.AccessToken == before.grant.token.AccessToken {
		return false
	}
	u.fresh = &fresh
	if rejection == uploadapi.Invalid && !isSecretKey(project.source) {
		u.proves = rejection
	}
	return true
}

// takeNextKey makes the attempt one that is signed with a secret key that the
// upload has not been rejected with.
func (u *upload) takeNextKey(project *Project, refused []int) (ok bool) {
	if u.signing, ok = project.keys.untried(refused); !ok {
		return false
	}
	u.refused = refused
	u.signing.onTrial, ok = project.credentials.rotation.claim(len(project.keys.secrets), project.credentials.clock.Now().Elapsed)
	return ok
}
