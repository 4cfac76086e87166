// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"net/http"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/uploadapi"
)

// Refusals for which the service has no words. The texts are for the client's user, and
// say nothing of what the policy would allow.
var (
	// ErrEndpoint says that the policy does not allow the endpoint.
	ErrEndpoint = &uploadapi.Error{Status: http.StatusForbidden, Code: "GatewayEndpointError", Message: "Uploads of this kind are not allowed."}
	// ErrSourceURLOff says that the policy allows no upload from a URL.
	ErrSourceURLOff = &uploadapi.Error{Status: http.StatusForbidden, Code: "GatewaySourceURLError", Message: "Uploads from URLs are not allowed."}
	// ErrSourceURL says that the policy does not allow the address of the file.
	ErrSourceURL = &uploadapi.Error{Status: http.StatusForbidden, Code: "GatewaySourceURLError", Message: "Uploads from this URL are not allowed."}
	// ErrMetadata says that a forced field cannot be put in.
	ErrMetadata = &uploadapi.Error{Status: http.StatusBadRequest, Code: "GatewayMetadataError", Message: "The metadata of this upload cannot be set."}
)

// refuse adds to a refusal what the operator's log says of it: the option, and the value
// that it forbids, unless that may be a credential.
func refuse(refusal *uploadapi.Error, format string, values ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{refusal}, values...)...)
}
