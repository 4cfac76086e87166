// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"text/tabwriter"
)

// table is what was tried: a line per client, endpoint and way of reaching the
// gateway. It is printed when all tests are done.
var table struct {
	mu    sync.Mutex
	lines []string
}

// tried adds a line to the table when t ends. how is the way in which the client reaches the
// gateway, such as "base URL" or "DNS".
func tried(t *testing.T, client, endpoint, how string) {
	t.Helper()
	t.Cleanup(func() {
		outcome := "ok"
		if t.Failed() {
			outcome = "FAILED"
		}
		table.mu.Lock()
		defer table.mu.Unlock()
		table.lines = append(table.lines, fmt.Sprintf("%s\t%s\t%s\t%s\t", client, endpoint, how, outcome))
	})
}

func TestMain(m *testing.M) {
	code := m.Run()
	if len(table.lines) > 0 {
		slices.Sort(table.lines)
		writer := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprint(writer, "\nCLIENT\tENDPOINT\tPOINTED AT THE GATEWAY BY\tOUTCOME\t\n")
		for _, line := range table.lines {
			fmt.Fprintln(writer, line)
		}
		_ = writer.Flush()
	}
	os.Exit(code)
}
