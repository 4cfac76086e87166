// SPDX-License-Identifier: Apache-2.0

// Command mutation checks what a package's tests notice. It changes one operator,
// constant, condition or statement of the package at a time, and runs the package's own
// tests with it:
//
//	go run ./e2e/mutation -out form.jsonl -skip words.go ./caddymodule/internal/form
//
// A mutant with which no test fails has survived: a test is missing, or the mutant does
// the same as the original. Mutants are tried in an order that depends on -seed alone, so
// that the first ones are a sample of all. What became of each is appended to the file
// -out; those that are in it already are not tried again, so that a run can be broken off
// and goes on later. After tests were added, -again tries the survivors once more. -report
// only shows what is in the file.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// options are the command's flags.
type options struct {
	out      string
	skip     []string // files
	slow     string   // a pattern of tests
	seed     uint64
	most     int
	parallel int
	report   bool
	again    bool
}

func main() {
	var o options
	var skip string
	flag.StringVar(&o.out, "out", "mutants.jsonl", "file of results, to which new ones are appended")
	flag.StringVar(&skip, "skip", "", "names of files to leave out, separated by commas")
	flag.StringVar(&o.slow, "slow", noTest, "pattern of slow tests, which are run only for mutants that the others do not notice")
	flag.Uint64Var(&o.seed, "seed", 1, "of the order in which mutants are tried")
	flag.IntVar(&o.most, "most", 0, "how many mutants to try at most, those with results included; 0 means all")
	flag.IntVar(&o.parallel, "parallel", 2, "how many mutants to try at a time")
	flag.BoolVar(&o.report, "report", false, "show the results without trying any mutant")
	flag.BoolVar(&o.again, "again", false, "try those again that have survived, after tests were added")
	flag.Parse()
	o.skip = strings.Split(skip, ",")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := o.check(ctx, flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) //nolint:gocritic // stop has nothing to do any more
	}
}

// check tries the mutants of a package, and reports.
func (o *options) check(ctx context.Context, directory string) error {
	directory, err := filepath.Abs(directory)
	if err != nil {
		return err
	}
	mutants, err := mutantsIn(directory, o.skip)
	if err != nil {
		return err
	}
	if len(mutants) == 0 {
		return errors.New("there is nothing to change in " + directory)
	}
	random := rand.New(rand.NewPCG(o.seed, 0)) //nolint:gosec // reproducible
	random.Shuffle(len(mutants), func(i, j int) { mutants[i], mutants[j] = mutants[j], mutants[i] })
	all := len(mutants)
	if o.most > 0 {
		mutants = mutants[:min(o.most, all)]
	}
	results, err := openResults(o.out)
	if err != nil {
		return err
	}
	defer results.close()
	if !o.report {
		err = o.tryAll(ctx, directory, mutants, results)
	}
	fmt.Printf("%d mutants in %s, %d of them to try (seed %d)\n", all, filepath.Base(directory), len(mutants), o.seed)
	results.report(os.Stdout, mutants)
	return err
}

// tryAll tries those of the mutants that have no result.
func (o *options) tryAll(ctx context.Context, directory string, mutants []mutant, results *results) error {
	tests := newSuite(directory, o.slow)
	if err := tests.calibrate(ctx); err != nil {
		return err
	}
	return inParallel(ctx, o.parallel, mutants, func(m *mutant) error {
		if before := results.of(m); o.again && before != survived || !o.again && before != "" {
			return nil
		}
		became, err := tests.run(ctx, m)
		if err != nil {
			return err
		}
		return results.add(m, became)
	})
}
