// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"

	"go.uber.org/zap"
)

// heal looks at what the service says of the attempt's credential, once the
// answer has come. If that can be mended, and the request is at hand to be made
// again, it returns the attempt that is to be made in its place; otherwise nil.
// failed says that something else went wrong too.
func (a *attempt) heal(response *responseWriter, r *http.Request, failed bool) *attempt {
	rejection := response.rejection()
	if rejection != 0 || a.observed != nil {
		a.sign.compareClocks(response, a.observed)
	}
	if rejection == 0 {
		if response.accepted() {
			a.signing.Accepted()
		} else {
			a.signing.Undecided()
		}
		return nil
	}
	if !a.signing.Rejected(rejection) || failed || a.number >= a.signing.MaxRepeats() {
		return nil
	}
	next := a.another(a, response)
	if next == nil || !a.signing.Renew(next.ctx, rejection, &next.signing) || next.prepare(r) != nil {
		return nil // and the client learns what the service said
	}
	if check := a.sign.logger.Check(zap.DebugLevel, "sending upload again, with another credential"); check != nil {
		check.Write(zap.Stringer("rejection", rejection), zap.String("endpoint", a.endpoint.Path), zap.String("public_key", a.signing.Project().Name()))
	}
	return next
}
