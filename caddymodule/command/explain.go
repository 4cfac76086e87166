// SPDX-License-Identifier: Apache-2.0

package command

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// maxCaptured is the size of the largest request that is explained, in bytes. Several copies
// of it are held in memory.
const maxCaptured = 16 << 20

func explainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain [--config <path> [--adapter <name>]] [--raw <path>] [<file>]",
		Short: "Shows what would become of a captured request",
		Long: `
Reads a raw HTTP/1.1 request, as it came over the connection, from a file or from
standard input, and shows what the gateway of a config would make of it: the
endpoint, the project, what would be taken out and put in, or by which rule it would
be refused; and the request as it would go to the proxy behind.

It connects to no server, asks no source and reads no secret. In the place of a fresh
signature or token there are tildes, and in that of its expiry 9999999999; what would
be taken out is named, and not shown. Handlers before the gateway are not run,
but for rewrites. A request has 16 MiB at most.

Exits with 0 if the request would be passed on, with 2 if it would be refused, and
with 1 if the request or the config cannot be read.`,
		Args: cobra.MaximumNArgs(1),
	}
	addConfigFlags(cmd)
	cmd.Flags().String("raw", "", "Write the edited request to this file, byte for byte")
	cmd.RunE = run(cmd, func(out io.Writer, flags caddycmd.Flags) (int, error) {
		return runExplain(cmd.InOrStdin(), out, flags)
	})
	return cmd
}

func runExplain(in io.Reader, out io.Writer, flags caddycmd.Flags) (int, error) {
	captured, err := readCaptured(in, flags.Arg(0))
	if err != nil {
		return exitFailed, err
	}
	config, err := loadConfig(flags)
	if err != nil {
		return exitFailed, err
	}
	explained, err := explain(config, captured)
	if err != nil {
		return exitFailed, err
	}
	// Readable for its owner alone: the upload's file is in it.
	if path := flags.String("raw"); path != "" && explained.forwarded != nil {
		if err := os.WriteFile(path, explained.forwarded.bytes(), 0o600); err != nil {
			return exitFailed, err
		}
	}
	if err := explained.write(out); err != nil {
		return exitFailed, err
	}
	if explained.forwarded == nil {
		return exitFound, nil
	}
	return 0, nil
}

// readCaptured reads a request from a file, or without a name from in.
func readCaptured(in io.Reader, name string) ([]byte, error) {
	if name != "" && name != "-" {
		file, err := os.Open(name) //nolint:gosec // the user names it
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	// One byte more than the limit, or a longer request would be explained without its end.
	captured, err := io.ReadAll(io.LimitReader(in, maxCaptured+1))
	switch {
	case err != nil:
		return nil, err
	case len(captured) > maxCaptured:
		return nil, fmt.Errorf("the request has more than %d bytes: shorten its file, and its Content-Length by as much", maxCaptured)
	case len(captured) == 0:
		return nil, errors.New("there is no request to read")
	}
	return captured, nil
}

// parse returns a captured request as Caddy's server would hand it to its handlers. Each user
// of a request parses its own: a body can be read once, and handlers change what they get.
func parse(captured []byte) (*http.Request, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(captured)))
	if err != nil {
		return nil, fmt.Errorf("it is no request of HTTP/1.1, and the server would refuse it: %w", err)
	}
	return r, nil
}
