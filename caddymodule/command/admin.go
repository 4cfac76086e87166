// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

const (
	// adminTimeout is how long the admin API may take. Health checks of containers are
	// ended after a few seconds, and would then say nothing of the cause.
	adminTimeout = 5 * time.Second
	// maxAdminResponse is the size of the largest response that is read, in bytes. A project
	// takes about a thousand. A port may belong to another program, which sends without end.
	maxAdminResponse = 16 << 20
)

// addAddressFlags adds the flags by which Caddy's own commands find the admin API.
func addAddressFlags(cmd *cobra.Command) {
	cmd.Flags().StringP("address", "", "", "Address of the administration API listener, if --config is not used")
	cmd.Flags().StringP("config", "c", "", "Configuration file with the address, if --address is not used")
	cmd.Flags().StringP("adapter", "a", "", "Name of config adapter to apply")
}

// elsewhere says what an operator can ask instead of the admin API.
const elsewhere = "use the log, the directives metrics and uploadcare_health on a site, or `caddy uploadcare check` instead"

var errAdminOff = errors.New("the config has `admin off`, so there is no admin API to ask: " + elsewhere)

// adminAddress returns the address of the admin API, as `caddy reload` finds it.
func adminAddress(flags caddycmd.Flags) (string, error) {
	address, file := flags.String("address"), flags.String("config")
	if address != "" || file == "" {
		return caddycmd.DetermineAdminAPIAddress(address, nil, "", "")
	}
	config, err := loadConfig(flags)
	if err != nil {
		return "", err
	}
	// Caddy's function takes `admin off` for the default address, where another Caddy may
	// happen to listen: its state would be taken for this one's.
	var admin struct {
		Admin caddy.AdminConfig `json:"admin"`
	}
	if err := json.Unmarshal(config, &admin); err != nil {
		return "", err
	}
	if admin.Admin.Disabled {
		return "", errAdminOff
	}
	return caddycmd.DetermineAdminAPIAddress("", config, file, flags.String("adapter"))
}

// askAdmin returns the response of the admin API to a GET of path.
func askAdmin(flags caddycmd.Flags, path string) ([]byte, error) {
	address, err := adminAddress(flags)
	if err != nil {
		return nil, err
	}
	// Caddy's function takes neither a timeout nor a context. If it hangs, its goroutine ends
	// with the process.
	type result struct {
		body []byte
		err  error
	}
	responded := make(chan result, 1)
	go func() {
		response, err := caddycmd.AdminAPIRequest(address, http.MethodGet, path, nil, nil)
		if err != nil {
			responded <- result{nil, err}
			return
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, maxAdminResponse))
		responded <- result{body, err}
	}()
	select {
	case got := <-responded:
		return got.body, explainAdminError(address, got.err)
	case <-time.After(adminTimeout):
		return nil, fmt.Errorf("the admin API at %s has not responded within %s", address, adminTimeout)
	}
}

// explainAdminError says what may be the cause of an error that Caddy's function returns
// without a type.
func explainAdminError(address string, err error) error {
	switch {
	case err == nil:
		return nil
	case strings.Contains(err.Error(), "HTTP 404"):
		return fmt.Errorf("the Caddy at %s has no such path: it runs without this module, or with an older version of it", address)
	case strings.Contains(err.Error(), "performing request"):
		return fmt.Errorf("there is no admin API at %s: Caddy does not run, or its admin API has another address (name it with --address or --config), or the config has `admin off` (then %s): %w", address, elsewhere, err)
	}
	return err
}
