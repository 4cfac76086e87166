// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/status"
)

func statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status [--json] [--address <listen> | --config <path> [--adapter <name>]]",
		Short: "Shows the projects of the gateway that runs, and what has become of uploads",
		Long: `
Asks the gateway that runs, by its admin API, and shows of each project its source,
whether that fails, when its credential expires, and how uploads have ended since
the process began. Nothing is asked of a source, and no secret is shown.

The admin API is found as by caddy reload. With ` + "`admin off`" + ` there is none.

Exits with 0 if the gateway is ready, with 2 if it is not, and with 1 if it does
not respond.`,
		Args: cobra.NoArgs,
	}
	addAddressFlags(cmd)
	cmd.Flags().Bool("json", false, "Print the response of the admin API as it is")
	cmd.RunE = run(cmd, runStatus)
	return cmd
}

func runStatus(out io.Writer, flags caddycmd.Flags) (int, error) {
	response, err := askAdmin(flags, status.Path)
	if err != nil {
		return exitFailed, err
	}
	var gateway status.Gateway
	// Also for --json, which prints the response as it is: the exit code depends on it.
	if err := json.Unmarshal(response, &gateway); err != nil {
		return exitFailed, fmt.Errorf("the response of the admin API cannot be read: %w", err)
	}
	if flags.Bool("json") {
		_, err = out.Write(response)
	} else {
		err = writeStatus(out, &gateway)
	}
	// Only after all of it was written: the exit code is for scripts, the text for the person
	// that has to find out why.
	if err == nil && !gateway.Ready {
		return exitFound, nil
	}
	return exitOf(err), err
}
