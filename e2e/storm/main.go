// SPDX-License-Identifier: Apache-2.0

// Command storm sends uploads of all kinds to gateways while all that they depend on fails, and
// they themselves:
//
//	go run ./e2e/storm -uploads 60000 -duration 2m -seed 1
//
// Three gateways serve clients over HTTP/1.1, 2 and 3 while the upstream, the resolver, Redis, the
// name server, a disk, a clock and a secret key fail, each in several ways, and gateways are
// reloaded, stopped and killed, by a schedule that depends on the seed alone. In the end, what clients read is
// compared with what the upstream has, what each process has counted with both, and what the
// processes hold with what they held before. It needs Debian's redis-server and a Caddy with storage in Redis, and root to
// fill a disk. Everything is on this machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// options are the command's flags.
type options struct {
	caddy    string
	uploads  int
	duration time.Duration
	seed     uint64
	workers  int
	things   string // that fail; empty: all
	keep     string // directory
	out      string
}

func main() {
	var o options
	flag.StringVar(&o.caddy, "caddy", "", "the Caddy to try, with storage in Redis (default: ./cmd/caddy, built)")
	flag.IntVar(&o.uploads, "uploads", 1_000_000, "how many uploads there are at most")
	flag.DurationVar(&o.duration, "duration", 0, "how long they are sent at most (default: until there are no more)")
	flag.Uint64Var(&o.seed, "seed", 1, "of the uploads, and of what fails when")
	flag.IntVar(&o.workers, "workers", 24*runtime.GOMAXPROCS(0), "how many clients send at a time")
	flag.StringVar(&o.things, "things", "", "comma-separated: what fails, such as \"upstream,reload of\" (default: all)")
	flag.StringVar(&o.keep, "keep", "", "a new directory for configs and logs, which stay there (default: a temporary one)")
	flag.StringVar(&o.out, "out", "", "a file for the report, besides the standard output")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "storm:", err)
		os.Exit(1)
	}
}

// directory makes the directory in which all of a storm is.
func (o *options) directory() (string, error) {
	if o.keep != "" {
		return o.keep, os.Mkdir(o.keep, 0o700)
	}
	return os.MkdirTemp("", "storm")
}

// run has a storm, and reports it.
func run(o options) error {
	fmt.Fprintf(os.Stderr, "storm: seed %d\n", o.seed)
	directory, err := o.directory()
	if err != nil {
		return err
	}
	if o.keep == "" {
		defer os.RemoveAll(directory)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if o.caddy == "" {
		o.caddy = filepath.Join(directory, "caddy")
		if output, err := exec.Command("go", "build", "-o", o.caddy, "./cmd/caddy").CombinedOutput(); err != nil {
			return fmt.Errorf("building: %w\n%s", err, output)
		}
	}
	s, err := newStorm(o, directory)
	defer s.stop()
	if err != nil {
		return err
	}
	result, err := s.run(ctx)
	if err != nil {
		return err
	}
	return result.write(o.out)
}
