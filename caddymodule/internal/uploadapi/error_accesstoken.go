// SPDX-License-Identifier: Apache-2.0

package uploadapi

import "net/http"

// codeAccessTokenInvalid is the service's code for an invalid token, for a header
// that holds no token, and for a request with two credentials.
const codeAccessTokenInvalid = "AccessTokenInvalidError" //nolint:gosec // the name of an error

// Refusals of a request with the header Authorization.
//
// Source: https://uploadcare.com/docs/api/upload/errors/ and, where it is
// silent, Uploadcare's own emulator of the Upload API.
var (
	ErrAuthorizationInvalid = &Error{http.StatusUnauthorized, codeAccessTokenInvalid, "Invalid Authorization header format."}
	ErrAccessTokenExpired   = &Error{http.StatusUnauthorized, "AccessTokenExpiredError", "Expired token."}
	ErrTwoCredentials       = &Error{http.StatusForbidden, codeAccessTokenInvalid, "Do not use `signature` or `expire` together with a Bearer token."}
	ErrScopeForbidden       = &Error{http.StatusForbidden, "ScopeForbiddenError", "`uc.restrictions.scope` does not allow this endpoint."}
	ErrOperationsLimit      = &Error{http.StatusForbidden, "OperationsLimitExceededError", "The operation limit of the token is exhausted."}
)

// AccessTokenInvalid says what is wrong with an access token.
func AccessTokenInvalid(reason string) *Error {
	return &Error{http.StatusUnauthorized, codeAccessTokenInvalid, "Invalid token. Reason: " + reason}
}
