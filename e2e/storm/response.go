// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// response is what a client got, as far as it shows what has become of the upload.
type response struct {
	ending  ending
	receipt int32  // if it was accepted
	reason  string // otherwise: the text or the error's code
	life    string // of the gateway that responded, or empty
}

// ending is how an upload ended for its client.
type ending uint8

const (
	unsent     ending = iota // no gateway could be connected to
	accepted                 // the response names the file
	rejected                 // the service refused it
	refused                  // the gateway did
	failed                   // the service failed
	incomplete               // the response says that the request ended early
	left                     // the client has left
	broken                   // the connection was lost
	silent                   // there was no response for as long as the client has patience
	endings                  // the number of them
)

// String returns what the report calls it.
func (e ending) String() string {
	return [...]string{"not sent", "accepted", "rejected", "refused", "upstream failed", "ended early", "client left", "connection lost", "no response"}[e]
}

// outcome returns the outcome that the gateway has to count for it, or an empty string if it
// may have been any, or none: then the client cannot know.
func (e ending) outcome() string {
	switch e {
	case accepted:
		return "accepted"
	case rejected:
		return "rejected"
	case refused:
		return "refused"
	case failed:
		return "upstream_error"
	case incomplete:
		return "client_gone"
	case unsent, left, broken, silent, endings:
	}
	return ""
}

// upstreamFailed matches what a gateway says of an upstream that failed.
var upstreamFailed = regexp.MustCompile(`^(The Upload API cannot be reached|There was no response from the Upload API|The response of the Upload API has an invalid status)`)

// envelope is a response to a client that asked for JSON.
type envelope struct {
	File  string `json:"file"`
	Error struct {
		Status  int    `json:"status_code"`
		Content string `json:"content"`
		Code    string `json:"error_code"`
	} `json:"error"`
}

// read returns what a response says.
func read(status int, header http.Header, body []byte) response {
	r := response{life: header.Get(lifeHeader), reason: strings.TrimSpace(string(body))}
	var e envelope
	if json.Unmarshal(body, &e) == nil && e.Error.Status != 0 {
		status, r.reason = e.Error.Status, e.Error.Content
	}
	ours := header.Get(upstreamHeader) == ""
	switch {
	case status == http.StatusOK && e.File != "":
		receipt, err := strconv.ParseInt(e.File[strings.LastIndexByte(e.File, '-')+1:], 10, 32)
		if err != nil {
			r.ending = failed
			return r
		}
		r.ending, r.receipt, r.reason = accepted, int32(receipt), ""
	case status == http.StatusOK: // it names no file
		r.ending = failed
	case !ours && status >= http.StatusInternalServerError:
		r.ending = failed
	case !ours:
		r.ending = rejected
	case upstreamFailed.MatchString(r.reason):
		r.ending = failed
	case strings.HasPrefix(r.reason, "The request ended before"):
		r.ending = incomplete
	default:
		r.ending = refused
	}
	return r
}
