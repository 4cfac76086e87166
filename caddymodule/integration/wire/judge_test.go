// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"slices"
	"strings"
)

// outcome is what became of a case at one gateway.
type outcome struct {
	responses []*response
	asked     int        // how many of them came before anything clean was sent
	after     string     // what a clean request on the same connection got: see afterwards
	other     *response  // what a clean upload on another connection got
	arrivals  []*arrival // what came to the upstream for the case itself
	faults    []string   // what no gateway may do, whatever another does
}

// What became of the client's connection after a case.
const (
	usable  = "usable"  // a clean request got its response, and nothing else came
	closed  = "closed"  // it has ended
	strayed = "strayed" // a clean request got something else
)

// complete returns how many whole requests came to the upstream.
func (o *outcome) complete() (count int) {
	for _, a := range o.arrivals {
		if a.complete {
			count++
		}
	}
	return count
}

// served returns how many responses of the upstream the client got, whole.
func (o *outcome) served() (count int) {
	for _, r := range o.responses[:o.asked] {
		if r.err == nil && r.whole && r.isUpstreams() {
			count++
		}
	}
	return count
}

// String says what the client saw, and what the upstream.
func (o *outcome) String() string {
	var seen []string
	for _, r := range o.responses {
		seen = append(seen, r.String())
	}
	return fmt.Sprintf("%s; then %s; %d of %d requests were complete upstream", strings.Join(seen, ", "), o.after, o.complete(), len(o.arrivals))
}

// worse returns in which ways the outcome at our gateway is worse than that at stock
// reverse_proxy. byDesign says that our gateway refuses the request for a reason of its own,
// and with its own status, so that the client need not be served.
//
//   - More requests came upstream: what stock refuses as ambiguous, some server reads
//     otherwise. (See tooMany, and judgeResponse.)
//   - A response was taken for whole that stock refuses.
//   - The client was served less.
//   - Its connection remains usable where stock closes it: what follows a framing fault
//     belongs to an unknown request. (Of requests alone: see judgeRequest.)
//   - A header that stock removes was passed on, or a trailer at all.
//   - The next client, on the same pool, was not served.
func (o *outcome) worse(stock *outcome, byDesign bool) (ways []string) {
	if o.served() > stock.served() {
		ways = append(ways, "it serves what stock does not")
	}
	if o.served() < stock.served() && !byDesign {
		ways = append(ways, "it does not serve what stock does")
	}
	if more := o.extraHeaders(stock); len(more) > 0 {
		ways = append(ways, fmt.Sprintf("%q passed on", more))
	}
	if o.other != nil && o.other.err != nil && stock.other.err == nil {
		ways = append(ways, "the next client is not served")
	}
	return ways
}

// tooMany returns how many requests came upstream, if that is more than through stock, or than
// the client has sent.
func (o *outcome) tooMany(stock *outcome, sent int) []string {
	if o.complete() <= min(sent, stock.complete()) {
		return nil
	}
	return []string{fmt.Sprintf("%d requests came upstream of %d, and %d through stock", o.complete(), sent, stock.complete())}
}

// ownHeaders are those that our gateway adds, or writes anew.
var ownHeaders = []string{"cdn-loop", "content-length", "transfer-encoding", "content-type"}

// extraHeaders returns the names that came through our gateway alone.
func (o *outcome) extraHeaders(stock *outcome) (names []string) {
	for i, a := range o.arrivals {
		if i >= len(stock.arrivals) {
			break
		}
		for _, field := range a.header {
			name := strings.ToLower(field[0])
			if !slices.Contains(ownHeaders, name) && len(a.values(name)) > len(stock.arrivals[i].values(name)) {
				names = append(names, name)
			}
		}
	}
	return names
}

// differences returns in which harmless ways the outcome differs: they are counted and shown.
func (o *outcome) differences(stock *outcome) (differences []string) {
	if o.after != stock.after {
		differences = append(differences, fmt.Sprintf("the connection is %s, with stock %s", o.after, stock.after))
	}
	if ours, theirs := statuses(o.responses), statuses(stock.responses); ours != theirs {
		differences = append(differences, fmt.Sprintf("responses %s, with stock %s", ours, theirs))
	}
	return differences
}

func statuses(responses []*response) string {
	var all []string
	for _, r := range responses {
		switch {
		case r.err != nil:
			all = append(all, "none")
		case !r.whole:
			all = append(all, fmt.Sprint(r.status, " cut off"))
		default:
			all = append(all, fmt.Sprint(r.status))
		}
	}
	return strings.Join(all, " ")
}

// checkCanaries adds a fault for each byte of one exchange in another: a canary of another
// case in a response, or two in a request upstream that are of different cases, or of a clean
// request and another.
func (o *outcome) checkCanaries(own func(id string) bool, clean []string) {
	for _, r := range o.responses {
		for _, id := range canariesIn(r.body + fmt.Sprint(r.header)) {
			if !own(id) {
				o.faults = append(o.faults, "a response has "+id)
			}
		}
	}
	for _, a := range o.arrivals {
		ids := canariesIn(a.raw)
		if slices.ContainsFunc(ids, func(id string) bool { return !own(id) || len(ids) > 1 && slices.Contains(clean, id) }) {
			o.faults = append(o.faults, fmt.Sprintf("a request upstream has %s", ids))
		}
	}
}
