// SPDX-License-Identifier: Apache-2.0

// Package command has the commands `caddy uploadcare ...`: status and health ask a Caddy
// that runs, by its admin API; check and explain read a config. No secret, signature or
// JWT is in what any of them writes.
package command

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// Exit codes, besides 0. Caddy's own commands have 1 for whatever fails.
const (
	// exitFailed means that the command could not do its work: a flag is wrong, a file
	// cannot be read, no Caddy responds. Of health, it means that the gateway is not ready:
	// container engines know no other code.
	exitFailed = 1
	// exitFound means that the command did its work, and has found what needs a remedy.
	exitFound = 2
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "uploadcare",
		Usage: "status|health|check|explain|version",
		Short: "Asks and examines the gateway to Uploadcare",
		Long: `
Asks a gateway that runs how it is (status, health), examines a config before
traffic comes (check), or shows what would become of a request (explain).

No secret and no credential is in the output of any of these commands. They exit
with 0 if all is well, with 1 if they could not do their work, and with 2 if they
have found something that needs a remedy.`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.AddCommand(statusCommand(), healthCommand(), checkCommand(), explainCommand(), versionCommand())
		},
	})
}

// run adapts f to cobra: f writes what it finds to out, and returns the exit code.
func run(cmd *cobra.Command, f func(out io.Writer, flags caddycmd.Flags) (int, error)) func(*cobra.Command, []string) error {
	return caddycmd.WrapCommandFuncForCobra(func(flags caddycmd.Flags) (int, error) {
		// Only now, so that cobra still reports a wrong flag together with the usage. The error of
		// f is logged by Caddy: printed by cobra as well, it would be there twice.
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		return f(cmd.OutOrStdout(), flags)
	})
}

// addConfigFlags adds the flags by which Caddy's own commands find a config.
func addConfigFlags(cmd *cobra.Command) {
	cmd.Flags().StringP("config", "c", "", "Configuration file (default: Caddyfile in the current directory)")
	cmd.Flags().StringP("adapter", "a", "", "Name of config adapter to apply")
}

// loadConfig returns the config that the flags name, as JSON. Caddy's own function takes a
// missing Caddyfile for an empty config, which would be examined without a finding.
func loadConfig(flags caddycmd.Flags) ([]byte, error) {
	config, _, _, err := caddycmd.LoadConfig(flags.String("config"), flags.String("adapter"))
	switch {
	case err != nil:
		return nil, err
	case len(config) == 0:
		return nil, fmt.Errorf("there is no config: name it with --config, or put a Caddyfile into the current directory")
	}
	return config, nil
}
