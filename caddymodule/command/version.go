// SPDX-License-Identifier: Apache-2.0

package command

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

func versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Prints the versions of the module, of Caddy and of Go",
		Args:  cobra.NoArgs,
	}
	cmd.RunE = run(cmd, func(out io.Writer, _ caddycmd.Flags) (int, error) {
		version, _ := caddy.Version()
		_, err := fmt.Fprintf(out, "caddy-uploadcare %s\ncaddy %s\n%s %s/%s\n", project.Version(), version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return exitOf(err), err
	})
	return cmd
}

// exitOf returns the exit code of a command that could or could not write its output: a closed
// pipe must not pass for success.
func exitOf(err error) int {
	if err != nil {
		return exitFailed
	}
	return 0
}
