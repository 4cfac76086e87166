// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"
	"slices"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/policy"
)

// Refusals that the Upload API has no error for. Codes that begin with Gateway show an
// operator, and a client's developer, at once which side has refused. The messages are
// shown to users by some SDKs, and disclose nothing of the gateway's
// configuration. docs/errors.md lists them all.
var (
	errContentType = &uploadapi.Error{
		Status: http.StatusUnsupportedMediaType, Code: "GatewayContentTypeError",
		Message: "Only multipart/form-data can be signed here.",
	}
	errParamsType = &uploadapi.Error{
		Status: http.StatusUnsupportedMediaType, Code: "GatewayContentTypeError",
		Message: "Only multipart/form-data and application/x-www-form-urlencoded can be signed here.",
	}
	errCharset = &uploadapi.Error{
		Status: http.StatusUnsupportedMediaType, Code: "GatewayContentTypeError",
		Message: "A request in this charset cannot be signed.",
	}
	errUpstream = &uploadapi.Error{
		Status: http.StatusBadGateway, Code: "GatewayUpstreamError",
		Message: "The Upload API cannot be reached by the gateway.",
	}
	errOrigin = &uploadapi.Error{
		Status: http.StatusForbidden, Code: "GatewayOriginError",
		Message: "Uploads from pages of this origin are not allowed.",
	}
	errSignatureOrigin = &uploadapi.Error{
		Status: http.StatusForbidden, Code: "GatewayOriginError",
		Message: "Signatures are not handed out to pages of this origin.",
	}
	errSignatureMethod = &uploadapi.Error{
		Status: http.StatusMethodNotAllowed, Code: "MethodNotAllowedError",
		Message: "Signatures are handed out by GET.",
	}
	errLoop = &uploadapi.Error{
		Status: http.StatusLoopDetected, Code: "GatewayLoopError",
		Message: "The gateway's upstream leads back to the gateway. Its operator must give it the Upload API's real address.",
	}
	errContentEncoding = &uploadapi.Error{
		Status: http.StatusUnsupportedMediaType, Code: "GatewayContentEncodingError",
		Message: "A request with Content-Encoding cannot be signed.",
	}
	errPublicKeyConflict = &uploadapi.Error{
		Status: http.StatusBadRequest, Code: "GatewayPublicKeyConflictError",
		Message: "The request names more than one project.",
	}
	errFieldOrder = &uploadapi.Error{
		Status: http.StatusBadRequest, Code: "GatewayFieldOrderError",
		Message: "The public key must come before the metadata in this form.",
	}
	errCredential = &uploadapi.Error{
		Status: http.StatusServiceUnavailable, Code: "GatewayCredentialError",
		Message: "No credential can be had for this project now. Try again later.",
	}
	errCredentialRefused = &uploadapi.Error{
		Status: http.StatusForbidden, Code: "GatewayCredentialRefusedError",
		Message: "Uploads are not allowed.",
	}
	errMemory = &uploadapi.Error{
		Status: http.StatusServiceUnavailable, Code: "GatewayMemoryError",
		Message: "The gateway is busy with other requests. Try again later.",
	}
	errIncomplete = &uploadapi.Error{
		Status: http.StatusBadRequest, Code: "GatewayIncompleteError",
		Message: "The request ended before all of its body had come.",
	}
	errUnhandled = &uploadapi.Error{
		Status: http.StatusBadGateway, Code: "GatewayUnhandledError",
		Message: "Nothing behind uploadcare_sign handled the upload. The gateway's operator must put a proxy to the Upload API there.",
	}
	errNoResponse = &uploadapi.Error{
		Status: http.StatusBadGateway, Code: "GatewayUpstreamError",
		Message: "There was no response from the Upload API.",
	}
	errInvalidResponse = &uploadapi.Error{
		Status: http.StatusBadGateway, Code: "GatewayUpstreamError",
		Message: "The response of the Upload API has an invalid status.",
	}
	errTimeout = &uploadapi.Error{
		Status: http.StatusRequestTimeout, Code: "GatewayTimeoutError",
		Message: "The request did not arrive in time.",
	}
)

// refusals are all errors by which the handlers refuse an upload, those of the service
// among them that they use.
var refusals = []*uploadapi.Error{
	errContentType, errParamsType, errCharset, errOrigin, errSignatureOrigin, errSignatureMethod, errLoop, errContentEncoding,
	errPublicKeyConflict, errCredential, errCredentialRefused, errMemory, errUnhandled, errTimeout, errFieldOrder,
	uploadapi.ErrRequestSizeLimit, uploadapi.ErrParserFailed,
	uploadapi.PublicKeyRequired(""), uploadapi.PublicKeyInvalid(""),
	policy.ErrEndpoint, policy.ErrSourceURL, policy.ErrMetadata,
	uploadapi.ErrFileTooLarge, uploadapi.ErrMultipartTooLarge, uploadapi.ErrFileType, uploadapi.ErrTooManyFiles, uploadapi.ErrIframeTooManyFiles,
}

// codeBodyError is the code of what another handler says of the body.
const codeBodyError = "GatewayBodyError"

// refusalCodes are the codes of refusals.
var refusalCodes = func() []string {
	all := []string{codeBodyError}
	for _, refusal := range refusals {
		if !slices.Contains(all, refusal.Code) {
			all = append(all, refusal.Code)
		}
	}
	return all
}()
