// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"net/http"
	"strings"
	"testing"
)

// A load balancer asks a site, which may have a password, while the server stops, too.
func TestASiteIsNotReadyWhileItStops(t *testing.T) {
	gateway := freeAddress(t)
	c := startCaddy(t, `{
	shutdown_delay 5s
}
http://`+gateway+` {
	basic_auth {
		someone $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG
	}
	uploadcare_health /healthz*
	uploadcare {
		project demopublickey {
			secret_key demosecretkey
		}
		upstream http://`+freeAddress(t)+`
	}
}
`)
	get := func(path string) string {
		response, err := http.Get("http://" + gateway + path)
		if err != nil {
			return err.Error()
		}
		return response.Status + " " + readAll(t, response)
	}
	if got := get("/healthz"); got != "200 OK ok\n" {
		t.Errorf("got %s", got)
	}
	if got := c.get("/uploadcare/health/ready"); got != "ok\n" {
		t.Errorf("the admin API: %s", got)
	}
	if got := c.get("/uploadcare/status"); !strings.Contains(got, `"project":"demopublickey"`) || strings.Contains(got, "demosecretkey") {
		t.Errorf("the admin API: %s", got)
	}
	c.terminate()
	eventually(t, "the site is not ready", func() bool { return get("/healthz") == "503 Service Unavailable not ready\n" })
	if got := get("/healthz/live"); got != "200 OK ok\n" {
		t.Errorf("got %s", got)
	}
	if got := c.get("/uploadcare/health/ready"); got != "not ready\n" {
		t.Errorf("the admin API: %s", got)
	}
}
