// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"

	"go.uber.org/zap"
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
	if rejection == 0 {
		if answer.accepted() {
			u.signing.Accepted()
		} else {
			u.signing.Undecided()
		}
		return nil
	}
	if !u.signing.Rejected(rejection) || failed || u.number >= u.signing.MaxRepeats() {
		return nil
	}
	again := u.again(answer)
	if again == nil || !u.signing.Renew(again.ctx, rejection, &again.signing) || again.prepare(r) != nil {
		return nil // and the client learns what the service said
	}
	if check := u.sign.logger.Check(zap.DebugLevel, "sending upload again, with another credential"); check != nil {
		check.Write(zap.Stringer("rejection", rejection), zap.String("endpoint", u.endpoint.Path), zap.String("public_key", u.signing.Project().Name()))
	}
	return again
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
