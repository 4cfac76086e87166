// SPDX-License-Identifier: Apache-2.0

package command

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/status"
)

func healthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "health [--url <address> | [--live] [--address <listen> | --config <path> [--adapter <name>]]]",
		Short: "Exits with 0 if the gateway is ready, for health checks of containers",
		Long: `
Asks the gateway that runs whether it is ready, or with --live whether it responds
at all. An image without a shell or an HTTP client has no other way to ask.

It asks the admin API, or with --url the address of a site that has the directive
uploadcare_health. Exits with 0 if the gateway is ready, and with 1 if it is not,
or does not respond within 5 seconds. Why it is not ready is in the gateway's log.`,
		Example: "  HEALTHCHECK CMD [\"caddy\", \"uploadcare\", \"health\"]",
		Args:    cobra.NoArgs,
	}
	addAddressFlags(cmd)
	cmd.Flags().Bool("live", false, "Ask the admin API whether it responds at all, and not whether the gateway is ready")
	cmd.Flags().String("url", "", "Address of a site's uploadcare_health to ask instead of the admin API; with a path that ends in /live, as with --live")
	cmd.RunE = run(cmd, runHealth)
	return cmd
}

// runHealth writes the response of a health check. Caddy logs the error of one
// that fails, so that a container engine's record of the check has it.
func runHealth(out io.Writer, flags caddycmd.Flags) (int, error) {
	var text []byte
	var err error
	switch address := flags.String("url"); {
	case address != "":
		text, err = askSite(address)
	case flags.Bool("live"):
		text, err = askAdmin(flags, status.PathLive)
	default:
		text, err = askAdmin(flags, status.PathReady)
	}
	if err != nil {
		return exitFailed, err
	}
	_, _ = out.Write(text)
	return 0, nil
}

// askSite returns the response of a site, or an error if its status is not 200. Without the
// timeout, an engine would end the check and report no cause.
func askSite(address string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	const enough = 1 << 10 // another site at that address may send a whole page
	text, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s responded with %s: %s", address, response.Status, text)
	}
	return text, err
}
