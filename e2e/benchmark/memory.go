// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// slow is a case of measureMemory: concurrent uploads that arrive in bursts.
type slow struct {
	uploads int
	rate    int // bytes per second, each
	burst   int // bytes
}

// slowCases are slow, since memory is held for as long as an upload lasts: the number of
// clients at once is what counts. Bursts of 64 KiB fill a buffer of 32 KiB, those of
// 16 KiB do not.
var slowCases = []slow{
	{1, 8 << 20, 64 << 10},
	{32, 8 << 20, 64 << 10},
	{32, 8 << 20, 16 << 10},
	{256, 1 << 20, 64 << 10},
	{256, 1 << 20, 16 << 10},
}

// String is the head of the column.
func (s slow) String() string {
	return fmt.Sprintf("%d at %d MiB/s, bursts of %d KiB", s.uploads, s.rate>>20, s.burst>>10)
}

// largeUpload is the size of the one large upload. A proxy that holds even a part of it
// shows.
const largeUpload = 10 << 30

// memoryContenders are the default of the flag -contenders with -rss.
var memoryContenders = []string{base, gateway, "transport-http", "nginx-tuned", "rewriter"}

// growth is the resident set of a contender while it was idle, and how much it grew, in
// bytes.
type growth struct{ idle, median, peak int64 }

// measureMemory prints how much memory slow uploads need, and a large one.
func measureMemory(o *options) error {
	if err := o.check(); err != nil {
		return err
	}
	if len(o.contenders) == 0 {
		o.contenders = memoryContenders
	}
	if len(o.modes) == 0 {
		o.modes = []string{"plain", "tls", "http2"}
	}
	directory, remove, err := o.buildAside()
	if err != nil {
		return err
	}
	defer remove()
	fmt.Printf("%s. Commit %s, %s, %d rounds:\n\n```\n%s\n```\n\n", machine(), commit(), time.Now().Format(time.DateOnly), o.rounds, o.command)
	for _, mode := range modes {
		if !slices.Contains(o.modes, mode.name) {
			continue
		}
		if mode.downstream == http2Protocol {
			if err := o.memoryWithSlowUpstream(mode, directory); err != nil {
				return err
			}
			continue
		}
		if mode.downstream != http1 && mode.downstream != http1TLS {
			return fmt.Errorf("memory is not measured over %s", mode.downstream)
		}
		if err := o.memoryOf(mode, filepath.Join(directory, mode.name)); err != nil {
			return err
		}
	}
	return nil
}

// memoryOf prints the table of one mode. Each round has processes of its own, since memory
// that has been used once is returned to the system late.
func (o *options) memoryOf(mode mode, directory string) error {
	fmt.Printf("### %s\n\nGrowth of the resident set per upload in KB, median and peak; of one upload of 10 GiB, in all:\n\n| | idle MB |", upperFirst(mode.String()))
	for _, c := range slowCases {
		fmt.Printf(" %s |", c)
	}
	fmt.Printf(" 10 GiB |\n|---|---|%s---|\n", strings.Repeat("---|", len(slowCases)))
	var names []string
	cells := map[string][][]growth{}
	for round := range o.rounds {
		for column := range len(slowCases) + 1 {
			field, err := newField(o, mode, filepath.Join(directory, fmt.Sprint(round, "-", column)))
			if err != nil {
				return err
			}
			for _, e := range field.contenders {
				if e.process == nil {
					continue
				}
				g, err := field.grow(e, column)
				if err != nil {
					field.stop()
					return fmt.Errorf("%s: %w", e.name, err)
				}
				if cells[e.name] == nil {
					cells[e.name] = make([][]growth, len(slowCases)+1)
					names = append(names, e.name)
				}
				cells[e.name][column] = append(cells[e.name][column], g)
			}
			field.stop()
		}
	}
	for _, name := range names {
		fmt.Printf("| `%s` | %d |", name, medianOf(cells[name][0], func(g growth) int64 { return g.idle })/1e6)
		for column, c := range slowCases {
			n := int64(c.uploads)
			fmt.Printf(" %d / %d |", medianOf(cells[name][column], func(g growth) int64 { return g.median })/n/1e3,
				medianOf(cells[name][column], func(g growth) int64 { return g.peak })/n/1e3)
		}
		fmt.Printf(" %d |\n", medianOf(cells[name][len(slowCases)], func(g growth) int64 { return g.peak })/1e3)
	}
	fmt.Println()
	return nil
}

// medianOf returns the median of one figure of the growths.
func medianOf(growths []growth, of func(growth) int64) int64 {
	var values []int64
	for _, g := range growths {
		values = append(values, of(g))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// grow measures one contender in the case of a column: slow uploads, or the large one.
func (f *field) grow(e *entrant, column int) (growth, error) {
	// What the first uploads set up (pools, connections) must not count as growth.
	for range 20 {
		if err := f.verify(e, 100<<10); err != nil {
			return growth{}, err
		}
	}
	g, err := e.growth(func() error {
		if column < len(slowCases) {
			return f.uploadSlowly(e, slowCases[column])
		}
		return f.uploadLarge(e)
	})
	if err != nil {
		return growth{}, f.explain(e, err)
	}
	return g, nil
}

// growth measures a contender that is idle, and then while something is uploaded.
func (e *entrant) growth(upload func() error) (growth, error) {
	// By then the process does nothing more for what was before.
	time.Sleep(20 * settle)
	idle, err := usageOf(e.process.command.Process.Pid)
	if err != nil {
		return growth{}, err
	}
	stop, samples := make(chan struct{}), []int64{}
	var sampling sync.WaitGroup
	sampling.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(settle):
				if used, err := usageOf(e.process.command.Process.Pid); err == nil {
					samples = append(samples, used.rss-idle.rss)
				}
			}
		}
	})
	err = upload()
	close(stop)
	sampling.Wait()
	if err != nil {
		return growth{}, err
	}
	slices.Sort(samples)
	return growth{idle.rss, samples[len(samples)/2], samples[len(samples)-1]}, nil
}

// uploadLarge sends the one large upload, as fast as it goes.
func (f *field) uploadLarge(e *entrant) error {
	client, err := newPlainClient(f.downstream, e.address, f.config)
	if err != nil {
		return err
	}
	defer client.close()
	_, err = client.upload(newForm(largeUpload), false)
	return err
}

// uploadSlowly runs all clients of a case for some seconds.
func (f *field) uploadSlowly(e *entrant, c slow) error {
	const seconds = 6
	var running sync.WaitGroup
	failures := make([]error, c.uploads)
	for i := range c.uploads {
		running.Go(func() { failures[i] = f.trickle(e, c, seconds) })
	}
	running.Wait()
	return errors.Join(failures...)
}

// trickle sends one slow upload. Between bursts it waits, as mobile clients do.
func (f *field) trickle(e *entrant, c slow, seconds int) error {
	client, err := newPlainClient(f.downstream, e.address, f.config)
	if err != nil {
		return err
	}
	defer client.close()
	bursts := time.NewTicker(time.Second * time.Duration(c.burst) / time.Duration(c.rate))
	defer bursts.Stop()
	form := newForm(int64(seconds) * int64(c.rate))
	for piece := range form.pieces(form.head(e.address, false)) {
		for len(piece) > 0 {
			burst := piece[:min(len(piece), c.burst)]
			piece = piece[len(burst):]
			<-bursts.C
			if _, err := client.connection.Write(burst); err != nil {
				return err
			}
		}
	}
	_, err = client.response()
	return err
}
