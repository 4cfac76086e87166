// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// RunCheck is `caddy uploadcare check` with arguments.
func RunCheck(t *testing.T, arguments ...string) (output string, code int, err error) {
	t.Helper()
	return runWith(t, checkCommand(), arguments, runCheck)
}

// RunExplain is `caddy uploadcare explain` with arguments, and a request at standard input.
func RunExplain(t *testing.T, request string, arguments ...string) (output string, code int, err error) {
	t.Helper()
	return runWith(t, explainCommand(), arguments, func(out io.Writer, flags caddycmd.Flags) (int, error) {
		return runExplain(bytes.NewReader([]byte(request)), out, flags)
	})
}

func runWith(t *testing.T, cmd *cobra.Command, arguments []string, f func(io.Writer, caddycmd.Flags) (int, error)) (string, int, error) {
	t.Helper()
	if err := cmd.ParseFlags(arguments); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code, err := f(&out, caddycmd.Flags{FlagSet: cmd.Flags()})
	return out.String(), code, err
}

// LogVerdict is the verdict on a log that an error keeps from being written.
func LogVerdict(err error) string { return logError("default", err).Verdict.String() }

// ResolveBy has lookups that are this machine's own ask another resolver until the test ends.
func ResolveBy(t *testing.T, resolver *net.Resolver) {
	t.Helper()
	own := machineResolver
	t.Cleanup(func() { machineResolver = own })
	machineResolver = resolver
}
