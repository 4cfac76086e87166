// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"fmt"
	"net/http"

	"go.uber.org/zap"
)

// authorize puts an access token into the header of r, in scheme `token`. r is the copy
// that leaves, and not the client's own request, whose header logs and error routes show.
// The head leaves before the form is read. Whether the form names the token's project is
// checked when it does: one that names another is broken off, and does not arrive whole.
func (a *attempt) authorize(r *http.Request) error {
	project := a.sign.projects.InHeader()
	if project == nil {
		return nil
	}
	if err := a.chooseByQuery(); err != nil {
		return err
	}
	token, err := a.signing.AccessToken(a.ctx, a.grantors.Of(project), a.publicKey, a.endpoint)
	switch {
	case err != nil && a.ctx.Err() != nil:
		return fmt.Errorf("%w: %w", errClientGone, err)
	case err != nil:
		a.chosen.Store(project) // for the metrics; the form, which may name another, is not read
		return credentialError{err}
	}
	if check := a.sign.logger.Check(zap.DebugLevel, "authorizing upload"); check != nil {
		check.Write(zap.String("endpoint", a.endpoint.Path), zap.String("public_key", project.Name()), zap.Int64("expire", token.Expire))
	}
	a.sent.Set(token.AccessToken)
	a.remaining.Store(a.signing.Remaining())
	r.Header.Set("Authorization", "Bearer "+token.AccessToken)
	a.inHeader = true
	return nil
}
