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
		Short: "Prints the version and the commit of the module, and the versions of Caddy and of Go",
		Args:  cobra.NoArgs,
	}
	cmd.RunE = run(cmd, func(out io.Writer, _ caddycmd.Flags) (int, error) {
		build := project.ThisBuild()
		version, _ := caddy.Version()
		_, err := fmt.Fprintf(out, "caddy-uploadcare %s\ncommit %s\ncaddy %s\n%s %s/%s\n", build.Version, build.Commit, version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
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
