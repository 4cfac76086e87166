// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"testing"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/fixture"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/rawtest"
)

const urlencoded = fixture.URLEncoded

// What forms and requests are made with.
var (
	field, file, formOf          = fixture.Field, fixture.File, fixture.Form
	uploadRequest, paramsRequest = fixture.UploadRequest, fixture.ParamsRequest

	demoKey     = field("UPLOADCARE_PUB_KEY", "demopublickey")
	onlyProject = fixture.Project(`{"module":"secret_key","keys":["` + fixture.Secret + `"]}`)
)

type readerFunc = rawtest.ReaderFunc

func mustSign(tb testing.TB, config string) *Sign {
	tb.Helper()
	return fixture.MustLoad[*Sign](tb, "http.handlers.uploadcare_sign", config)
}
