// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
)

// result is a line of the file of results.
type result struct {
	mutant
	Outcome outcome `json:"outcome"`
}

// results are the outcomes so far.
type results struct {
	file *os.File

	mu    sync.Mutex
	known map[mutantKey]outcome
}

// openResults reads a file of results, if it is there, for others to be appended.
func openResults(name string) (*results, error) {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // the user names it
	if err != nil {
		return nil, err
	}
	r := &results{file: file, known: make(map[mutantKey]outcome)}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line result
		if json.Unmarshal(lines.Bytes(), &line) == nil { // a run that was broken off may have left half a line
			r.known[line.key()] = line.Outcome
		}
	}
	return r, nil
}

func (r *results) close() { _ = r.file.Close() }

// of returns what became of a mutant, or nothing if it has not been tried.
func (r *results) of(m *mutant) outcome {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[m.key()]
}

func (r *results) add(m *mutant, became outcome) error {
	line, err := json.Marshal(result{*m, became})
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[m.key()] = became
	_, err = r.file.Write(append(line, '\n'))
	return err
}

// report writes the sums of some mutants, and the survivors among them.
func (r *results) report(to io.Writer, mutants []mutant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sums := make(map[outcome]int)
	var survivors []mutant
	for _, m := range mutants {
		became, ok := r.known[m.key()]
		if !ok {
			continue
		}
		sums[became]++
		if became == survived {
			survivors = append(survivors, m)
		}
	}
	noticed := sums[caught] + sums[timedOut]
	tried := noticed + sums[survived]
	fmt.Fprintf(to, "%d tried, %d caught (%d of them by the time limit), %d survived: %.1f %% caught; %d more do not compile\n",
		tried, noticed, sums[timedOut], sums[survived], 100*float64(noticed)/float64(max(tried, 1)), sums[notCompiled])
	slices.SortFunc(survivors, func(a, b mutant) int {
		if a.File != b.File {
			return slices.Compare([]byte(a.File), []byte(b.File))
		}
		return a.from - b.from
	})
	for i := range survivors {
		fmt.Fprintln(to, survivors[i].String())
	}
}

// inParallel calls try for each mutant, so many at a time, until one fails.
func inParallel(ctx context.Context, number int, mutants []mutant, try func(*mutant) error) error {
	next := make(chan *mutant)
	failures := make([]error, number)
	var workers sync.WaitGroup
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for i := range number {
		workers.Go(func() {
			for m := range next {
				if failures[i] = try(m); failures[i] != nil {
					stop()
					return
				}
			}
		})
	}
	for i := range mutants {
		select {
		case next <- &mutants[i]:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(next)
	workers.Wait()
	return errors.Join(errors.Join(failures...), ctx.Err())
}
