// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net/http"
	"testing"
)

func TestWhatAResponseSays(t *testing.T) {
	t.Parallel()
	gateway := http.Header{lifeHeader: {"b3"}}
	service := http.Header{lifeHeader: {"b3"}, upstreamHeader: {"storm"}}
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		want   ending
	}{
		"a file":                      {200, service, `{"file":"00000000-0000-4000-8000-000000000042"}`, accepted},
		"success without a file":      {200, service, "", failed},
		"a file that is none":         {200, service, `{"file":"6c5e9526-b0fe-4739-8975-72e8d5ee63xx"}`, failed},
		"the service's rejection":     {403, service, "Invalid signature.", rejected},
		"the same in JSON":            {200, service, `{"error":{"status_code":403,"content":"Invalid signature.","error_code":"SignatureInvalidError"}}`, rejected},
		"the service's failure":       {500, service, "Internal error.", failed},
		"the same in JSON, too":       {200, service, `{"error":{"status_code":500,"content":"Internal error.","error_code":"UploadAPIError"}}`, failed},
		"no upstream":                 {502, gateway, "The Upload API cannot be reached by the gateway.", failed},
		"no upstream, in JSON":        {200, gateway, `{"error":{"status_code":502,"content":"The Upload API cannot be reached by the gateway.","error_code":"GatewayUpstreamError"}}`, failed},
		"no upstream in time":         {504, gateway, "The Upload API cannot be reached by the gateway.", failed},
		"an odd status":               {502, gateway, "The response of the Upload API has an invalid status.", failed},
		"the gateway's refusal":       {403, gateway, "pub_key is invalid.", refused},
		"no credential":               {503, gateway, "No credential can be had for this project now. Try again later.", refused},
		"a loop":                      {508, gateway, "The gateway's upstream leads back to the gateway. Its operator must give it the Upload API's real address.", refused},
		"a request that ended early":  {400, gateway, "The request ended before all of its body had come.", incomplete},
		"the same in JSON, once more": {200, gateway, `{"error":{"status_code":400,"content":"The request ended before all of its body had come.","error_code":"GatewayIncompleteError"}}`, incomplete},
		"a gateway that says nothing": {500, gateway, "", refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := read(test.status, test.header, []byte(test.body))
			if got.ending != test.want || got.life != "b3" {
				t.Errorf("read %+v, want %s", got, test.want)
			}
			if test.want == accepted && got.receipt != 42 {
				t.Errorf("receipt %d", got.receipt)
			}
		})
	}
}
