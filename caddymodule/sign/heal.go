// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"

	"go.uber.org/zap"
)

// heal reports to the project what the service has said of the attempt's credential,
// once the response is complete. If the service rejected it, another credential may help
// and the request can be repeated, heal returns the attempt to be sent next; otherwise
// nil. failed says that the attempt failed for another reason besides, and is not to be
// retried.
func (a *attempt) heal(response *responseWriter, r *http.Request, failed bool) *attempt {
	rejection := response.rejection()
	// A rejection may be due to the clock, so the clock is corrected first: then the
	// project sees whether the credential was made before the correction. While the clock is
	// corrected, each response shows whether it still has to be: once it is right, a
	// source's tokens would seem to have expired.
	if rejection != 0 || a.observed != nil || a.sign.projects.ClockCorrected() {
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
	next := a.another(a)
	if next == nil || !a.signing.Renew(next.ctx, rejection, &next.signing) || next.prepare(r) != nil {
		return nil // the client gets the service's rejection, with its reason
	}
	if check := a.sign.logger.Check(zap.DebugLevel, "retrying upload with another credential"); check != nil {
		check.Write(zap.Stringer("rejection", rejection), zap.String("endpoint", a.endpoint.Path), zap.String("public_key", a.signing.Project().Name()))
	}
	return next
}
