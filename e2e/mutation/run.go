// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// outcome is what became of a mutant.
type outcome string

const (
	caught      outcome = "caught"
	timedOut    outcome = "timed out"
	survived    outcome = "survived"
	notCompiled outcome = "not compiled"
)

const (
	// maxMemory bounds the address space of a mutant's tests, in KiB: some allocate for ever.
	maxMemory = 4 << 20
	// maxTime bounds the tests without a mutant, which say how long those with one may take.
	maxTime = 10 * time.Minute
)

// suite are the tests of a package, in two stages: the slow ones run only for what the
// others do not notice.
type suite struct {
	directory string
	stages    []stage
}

// stage are some of the tests.
type stage struct {
	flags   []string      // that select them
	cpu     time.Duration // for the tests of one mutant: most that do not end are busy
	timeout time.Duration // for those that are not, and a machine that has other things to do
}

// newSuite returns the tests of a package. slow is a pattern of the slow ones.
func newSuite(directory, slow string) *suite {
	s := &suite{directory: directory, stages: []stage{{flags: []string{"-test.skip", slow}}}}
	if slow != noTest {
		s.stages = append(s.stages, stage{flags: []string{"-test.run", slow}})
	}
	return s
}

// noTest is a pattern of no test.
const noTest = "^$"

// calibrate runs the tests without a mutant, and gives those with one several times as
// long.
func (s *suite) calibrate(ctx context.Context) error {
	work, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	binary := filepath.Join(work, "tests")
	if output, err := s.build(ctx, binary).CombinedOutput(); err != nil {
		return fmt.Errorf("building the tests: %w\n%s", err, output)
	}
	for i := range s.stages {
		stage := &s.stages[i]
		stage.cpu, stage.timeout = maxTime, maxTime
		began := time.Now()
		became, cpu, err := s.test(ctx, binary, stage)
		switch {
		case err != nil:
			return err
		case became != survived:
			return fmt.Errorf("the tests fail without a mutant (%s)", became)
		}
		stage.cpu, stage.timeout = 3*cpu+2*time.Second, 10*time.Since(began)+time.Minute
		fmt.Printf("with a mutant, stage %d of the tests has %s of processor time\n", i+1, stage.cpu.Round(time.Second))
	}
	return nil
}

// run builds the package's tests with one file replaced, and runs them until the first
// that fails. The tree stays as it is: the compiler is given the mutant by -overlay.
func (s *suite) run(ctx context.Context, m *mutant) (outcome, error) {
	work, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	overlay, err := s.overlay(work, m)
	if err != nil {
		return "", err
	}
	binary := filepath.Join(work, "tests")
	if err := s.build(ctx, binary, "-overlay", overlay).Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return notCompiled, nil
	}
	for i := range s.stages {
		if became, _, err := s.test(ctx, binary, &s.stages[i]); err != nil || became != survived {
			return became, err
		}
	}
	return survived, nil
}

// build returns the command that compiles the tests.
func (s *suite) build(ctx context.Context, binary string, flags ...string) *exec.Cmd {
	arguments := append([]string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary}, flags...)
	compile := exec.CommandContext(ctx, "go", append(arguments, ".")...) //nolint:gosec // they are made here
	compile.Dir = s.directory
	return compile
}

// overlay writes the mutant, and the file that tells the compiler of it.
func (s *suite) overlay(work string, m *mutant) (string, error) {
	original := filepath.Join(s.directory, m.File)
	source, err := os.ReadFile(original) //nolint:gosec // of the package that the user names
	if err != nil {
		return "", err
	}
	changed, overlay := filepath.Join(work, "mutant.go"), filepath.Join(work, "overlay.json")
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {original: changed}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(os.WriteFile(changed, m.apply(source), 0o600), os.WriteFile(overlay, replaced, 0o600))
}

// test runs some of the tests, until the first that fails, and returns how much processor
// time that took.
func (s *suite) test(ctx context.Context, binary string, stage *stage) (outcome, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, stage.timeout)
	defer cancel()
	limits := fmt.Sprintf(`ulimit -v %d; ulimit -S -t %d; exec "$0" "$@"`, maxMemory, stage.cpu/time.Second)
	arguments := append([]string{"-c", limits, binary, "-test.failfast"}, stage.flags...)
	tests := exec.CommandContext(ctx, "sh", arguments...) //nolint:gosec // they are made here
	tests.Dir = s.directory
	var output bytes.Buffer
	tests.Stdout, tests.Stderr = &output, &output
	err := tests.Run()
	cpu := tests.ProcessState.UserTime() + tests.ProcessState.SystemTime()
	var failed *exec.ExitError
	switch {
	case err == nil:
		return survived, cpu, nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded), bytes.Contains(output.Bytes(), []byte("SIGXCPU")):
		return timedOut, cpu, nil
	case ctx.Err() != nil:
		return "", cpu, ctx.Err()
	case errors.As(err, &failed):
		return caught, cpu, nil
	}
	return "", cpu, fmt.Errorf("%w\n%s", err, output.Bytes())
}
