// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"strconv"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/internal/tracing"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
)

// recordName is the name of the object in the access log, and begins those of the request
// variables.
const recordName = "uploadcare"

// record is what the access log, the line `upload refused`, request variables and the trace
// show of an upload once it has ended. No credential is in it (invariant 8).
type record struct {
	project, endpoint string
	outcome           outcome
	client            string // its family
	credential        string // the state of the credential that the client itself has sent
	bytes             int64  // of the body, as far as the client has sent it
	files             int64  // of the form, as far as it was read; noFiles without a form
	remaining         int64  // seconds; see upload.remaining
	retries           int
	requestID         string // of the service's response, or of the gateway's
	traceID           string
}

// recordFields are the fields of a record, in the order of the log. Those whose value is
// empty are left out there.
var recordFields = [...]struct {
	name  string
	value func(*record) string
	add   func(zapcore.ObjectEncoder, string, *record) // nil for text
}{
	{"project", func(r *record) string { return r.project }, nil},
	{"endpoint", func(r *record) string { return r.endpoint }, nil},
	{"outcome", func(r *record) string { return r.outcome.String() }, nil},
	{"reason", func(r *record) string { return r.outcome.reason }, nil},
	{"client", func(r *record) string { return r.client }, nil},
	{"credential", func(r *record) string { return r.credential }, nil},
	{"bytes", func(r *record) string { return strconv.FormatInt(r.bytes, 10) }, addBytes},
	{"files", (*record).filesText, addFiles},
	{"remaining", (*record).remainingText, addRemaining},
	{"retries", func(r *record) string { return strconv.Itoa(r.retries) }, addRetries},
	{"request_id", func(r *record) string { return r.requestID }, nil},
	{"trace_id", func(r *record) string { return r.traceID }, nil},
}

func addBytes(e zapcore.ObjectEncoder, name string, r *record)     { e.AddInt64(name, r.bytes) }
func addFiles(e zapcore.ObjectEncoder, name string, r *record)     { e.AddInt64(name, r.files) }
func addRemaining(e zapcore.ObjectEncoder, name string, r *record) { e.AddInt64(name, r.remaining) }
func addRetries(e zapcore.ObjectEncoder, name string, r *record)   { e.AddInt(name, r.retries) }

// remainingText is empty if no credential was put in.
func (r *record) remainingText() string {
	if r.remaining == noCredential {
		return ""
	}
	return strconv.FormatInt(r.remaining, 10)
}

// filesText is empty if there was no form.
func (r *record) filesText() string {
	if r.files == noFiles {
		return ""
	}
	return strconv.FormatInt(r.files, 10)
}

// noFiles stands for the number of files where there is no form.
const noFiles = -1

// noCredential stands for the remaining seconds of a credential where there is none.
const noCredential = -1 << 31

// MarshalLogObject implements [zapcore.ObjectMarshaler].
func (r *record) MarshalLogObject(encoder zapcore.ObjectEncoder) error {
	if r == nil {
		return nil
	}
	for _, field := range recordFields {
		switch value := field.value(r); {
		case value == "":
		case field.add != nil:
			field.add(encoder, field.name, r)
		default:
			encoder.AddString(field.name, value)
		}
	}
	return nil
}

// variable is a request variable with a field of the upload's record. It is set before the
// upload is passed on, and empty until the upload has ended: afterwards the map of the
// variables must not be written, for the proxy may be dialling, and read it.
type variable struct {
	upload *upload
	field  int
}

// String implements [fmt.Stringer], as which Caddy replaces the placeholder.
func (v *variable) String() string {
	if ended := v.upload.record.Load(); ended != nil {
		return recordFields[v.field].value(ended)
	}
	return ""
}

// loggedUpload is the object in the access log.
type loggedUpload struct{ *upload }

// MarshalLogObject implements [zapcore.ObjectMarshaler].
func (l loggedUpload) MarshalLogObject(encoder zapcore.ObjectEncoder) error {
	return l.record.Load().MarshalLogObject(encoder)
}

// publish hands out the record to logs and placeholders before there is one: what they hold is
// read when the upload has ended.
func (u *upload) publish() {
	server, ok := u.ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if ok && server != nil && server.Logs == nil && server.Errors == nil && !u.traced {
		return // nothing reads them once the upload has ended
	}
	u.published = true
	if extra, ok := u.ctx.Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Set(zap.Object(recordName, loggedUpload{u}))
	}
	variables, ok := u.ctx.Value(caddyhttp.VarsCtxKey).(map[string]any)
	if !ok {
		return
	}
	all := new([len(recordFields)]variable)
	for i := range all {
		all[i] = variable{u, i}
		variables[variableNames[i]] = &all[i]
	}
}

// variableNames are the names of the request variables.
var variableNames = func() (names [len(recordFields)]string) {
	for i, field := range recordFields {
		names[i] = recordName + "_" + field.name
	}
	return names
}()

// settle records the upload's outcome. The first one counts: a refusal is recorded before
// error routes respond to it, which show it.
func (u *upload) settle(what outcome, requestID string) *record {
	if settled := u.record.Load(); settled != nil {
		return settled
	}
	var traceID string
	if u.traced {
		traceID, _ = caddyhttp.GetVar(u.ctx, "trace_id").(string) // set by Caddy's tracing
	}
	settled := &record{
		endpoint: u.endpoint.Path, outcome: what, client: u.family, bytes: u.client.receivedBytes(), files: noFiles,
		remaining: u.remaining.Load(), retries: u.last.number, requestID: requestID, traceID: traceID,
	}
	if state := u.state.Load(); state != nil {
		settled.credential = *state
	}
	if form := u.last.form; form != nil {
		settled.files = form.editor.Files()
	}
	if chosen := u.project(what); chosen != nil {
		settled.project = chosen.Name()
	}
	u.record.Store(settled)
	return settled
}

// describe adds the record to the request's trace, if there is one.
func (u *upload) describe(ended *record) {
	if !u.traced || !tracing.Recording(u.ctx) {
		return
	}
	var attributes []tracing.Attribute
	for _, field := range recordFields {
		if field.name != "bytes" && field.name != "trace_id" { // OpenTelemetry has its own names for these
			attributes = append(attributes, tracing.Attribute{Name: recordName + "." + field.name, Value: field.value(ended)})
		}
	}
	failure := ended.outcome.reason
	if ended.outcome.Outcome == project.Accepted {
		failure = ""
	}
	tracing.Describe(u.ctx, ended.bytes, failure, attributes)
}

// Interface guards
var (
	_ zapcore.ObjectMarshaler = (*record)(nil)
	_ zapcore.ObjectMarshaler = loggedUpload{}
)
