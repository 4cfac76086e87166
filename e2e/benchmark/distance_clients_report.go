// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// reachTable has a line for each distance, page and protocol.
func reachTable(reaches []reach) string {
	type line struct {
		distance time.Duration
		page     page
		speaks   protocol
	}
	var lines []line
	var names []string
	medians := map[line]map[string]reach{}
	for _, r := range reaches {
		at := line{r.distance, r.page, r.speaks}
		if medians[at] == nil {
			medians[at] = map[string]reach{}
			lines = append(lines, at)
		}
		medians[at][r.contender] = r
		if !slices.Contains(names, r.contender) {
			names = append(names, r.contender)
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		if a.distance != b.distance {
			return int(a.distance - b.distance)
		}
		return slices.Index(pages, a.page) - slices.Index(pages, b.page)
	})
	var table strings.Builder
	fmt.Fprint(&table, "| round trip | files | protocol |")
	for _, name := range names {
		fmt.Fprintf(&table, " `%s` |", name)
	}
	fmt.Fprintln(&table, "\n|"+strings.Repeat("---|", 3+len(names)))
	for _, at := range lines {
		fmt.Fprintf(&table, "| %s | %s | %s |", at.distance, at.page, at.speaks)
		for _, name := range names {
			r, ok := medians[at][name]
			switch {
			case !ok:
				fmt.Fprint(&table, " |")
			case at.page.cold:
				fmt.Fprintf(&table, " %s |", milliseconds(r.median))
			default:
				fmt.Fprintf(&table, " %.1f MB/s |", r.rate())
			}
		}
		fmt.Fprintln(&table)
	}
	return table.String()
}

// reachPicture draws what comes through over HTTP/2 and the others, as SVG: bars by distance,
// one file above several.
func reachPicture(reaches []reach) string {
	const left, right, bar = 330, 760, 12
	most := 1.0
	for _, r := range reaches {
		if !r.page.cold {
			most = max(most, r.rate())
		}
	}
	var body strings.Builder
	y := 56
	for _, page := range pages {
		if page.cold {
			continue
		}
		fmt.Fprintf(&body, "<text x=\"10\" y=\"%d\" class=\"page\">%s</text>\n", y+12, page)
		y += 20
		for _, distance := range clientDistances {
			for _, r := range reaches {
				if r.page != page || r.distance != distance {
					continue
				}
				fmt.Fprintf(&body, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s, %s, %s</text><rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" class=\"%s\"/><text x=\"%.1f\" y=\"%d\">%.0f</text>\n",
					left-8, y+10, r.distance, r.speaks, r.contender, left, y, (right-left)*r.rate()/most, bar, r.contender, left+6+(right-left)*r.rate()/most, y+10, r.rate())
				y += bar + 4
			}
			y += 8
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="820" height="%d" viewBox="0 0 820 %d" font-family="sans-serif" font-size="11">
<style>.page{font-weight:bold;font-size:13px}.%s{fill:#bbb}.%s{fill:#2a78c2}.nginx{fill:#e08a1e}</style>
<rect width="820" height="%d" fill="#fff"/>
<text x="10" y="22" class="page">Uploads from afar, by round trip and protocol: MB/s, more is better</text>
%s</svg>
`, y+10, y+10, base, gateway, y+10, &body)
}
