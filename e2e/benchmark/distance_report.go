// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"
)

// column is a column of the table of distances.
type column struct {
	title     string
	contender string
	state     state
}

var columns = []column{
	{"direct, cold", "direct", cold},
	{"`reverse_proxy`, warm", base, warm},
	{"`uploadcare`, warm", gateway, warm},
	{"`reverse_proxy`, after idleness", base, idle},
	{"`uploadcare`, after idleness", gateway, idle},
	{"`uploadcare`, kept ready", gateway + " kept ready", idle},
}

// distanceTable has a line for each distance, upstream and size.
func distanceTable(timings []timing) string {
	type line struct {
		distance time.Duration
		upstream string
		size     int64
	}
	var lines []line
	medians := map[line]map[column]time.Duration{}
	for _, t := range timings {
		at := line{t.distance, t.upstream, t.size}
		if medians[at] == nil {
			medians[at] = map[column]time.Duration{}
			lines = append(lines, at)
		}
		for _, column := range columns {
			if column.contender == t.contender && column.state == t.state {
				medians[at][column] = t.median
			}
		}
	}
	var table strings.Builder
	fmt.Fprint(&table, "| round trip | upstream | file |")
	for _, column := range columns {
		fmt.Fprintf(&table, " %s |", column.title)
	}
	fmt.Fprintln(&table, "\n|"+strings.Repeat("---|", 3+len(columns)))
	for _, line := range lines {
		fmt.Fprintf(&table, "| %s | %s | %s |", line.distance, line.upstream, sizeName(line.size))
		direct := medians[line][columns[0]]
		for _, column := range columns {
			median := medians[line][column]
			// With the ratio to a client without a proxy, for times of different
			// distances do not compare.
			fmt.Fprintf(&table, " %s (%.2f) |", milliseconds(median), float64(median)/float64(direct))
		}
		fmt.Fprintln(&table)
	}
	return table.String()
}

// milliseconds formats a time for a table.
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f ms", float64(d)/float64(time.Millisecond))
}

// sizeName formats a size for a table.
func sizeName(size int64) string {
	if size < 1<<20 {
		return fmt.Sprintf("%d KiB", size>>10)
	}
	return fmt.Sprintf("%d MiB", size>>20)
}

// staleTable has a line for each distance and contender.
func staleTable(races []staleRace) string {
	var table strings.Builder
	fmt.Fprintln(&table, "| round trip | through | uploads | of which lost |\n|---|---|---|---|")
	for _, race := range races {
		fmt.Fprintf(&table, "| %s | %s | %d | %d |\n", race.distance, race.contender, race.uploads, race.lost)
	}
	return table.String()
}

// burstTable has a line for each contender and number of uploads.
func burstTable(bursts []burst) string {
	var table strings.Builder
	fmt.Fprintln(&table, "| at once | through | median, with one connection | median, over and over | 95% within |\n|---|---|---|---|---|")
	for _, b := range bursts {
		fmt.Fprintf(&table, "| %d | %s | %s | %s | %s |\n", b.clients, b.contender, milliseconds(b.first), milliseconds(b.median), milliseconds(b.most))
	}
	return table.String()
}
