// SPDX-License-Identifier: Apache-2.0

// Package tracing adds to the trace of a request, if Caddy's handler `tracing` has begun
// one: attributes to the request's own span, and spans of the requests that it causes.
// Without a trace it does nothing. Names are those of OpenTelemetry's conventions for HTTP
// (https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const (
	tracerName = "github.com/caddy-uploadcare/caddy-uploadcare"

	// Attributes of OpenTelemetry.
	requestMethod  = "http.request.method"
	requestSize    = "http.request.body.size"
	responseStatus = "http.response.status_code"
	serverAddress  = "server.address"
	errorType      = "error.type"
)

// headers are those by which a trace is passed on (https://www.w3.org/TR/trace-context/),
// and those that OTEL_PROPAGATORS has Caddy write instead. Baggage holds what services of
// the operator's tell each other.
var headers = []string{
	"Traceparent", "Tracestate", "Baggage",
	"B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags",
	"Uber-Trace-Id", "X-Amzn-Trace-Id",
}

// Active reports whether the request of a context is traced. Its spans may not be kept, if
// the trace is not sampled: it has an ID all the same, which others may keep.
func Active(ctx context.Context) bool { return trace.SpanContextFromContext(ctx).IsValid() }

// Recording reports whether the spans of a request are kept.
func Recording(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// Attribute is what is added to a span.
type Attribute struct{ Name, Value string }

// Describe adds attributes to the span of a context, the size of the request's body, and
// the type of the error that the request ended with, if any. Those without a value are
// left out.
func Describe(ctx context.Context, size int64, failure string, attributes []Attribute) {
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.Int64(requestSize, size))
	for _, one := range attributes {
		if one.Value != "" {
			span.SetAttributes(attribute.String(one.Name, one.Value))
		}
	}
	if failure != "" {
		span.SetAttributes(attribute.String(errorType, failure))
	}
}

// Span is the span of a request to another server. It is nil without a trace, and then its
// methods do nothing.
type Span struct{ span trace.Span }

// Start begins the span of a request to another server, within that of ctx. The context
// that it returns is the request's. address is the server's host, or empty if it is not
// known yet.
func Start(ctx context.Context, name, method, address string) (context.Context, *Span) {
	if !Active(ctx) {
		return ctx, nil
	}
	ctx, span := trace.SpanFromContext(ctx).TracerProvider().Tracer(tracerName).Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient))
	span.SetAttributes(attribute.String(requestMethod, method))
	started := &Span{span}
	started.Address(address)
	return ctx, started
}

// Address sets the host of the server, if it is known.
func (s *Span) Address(host string) {
	if s != nil && host != "" {
		s.span.SetAttributes(attribute.String(serverAddress, host))
	}
}

// Inject passes the trace on to the server, in a request's header.
func (s *Span) Inject(ctx context.Context, header http.Header) {
	if s != nil {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
	}
}

// Remove removes the fields that pass a trace on from a request's header. A client's own would
// show the service ids of the client's systems.
func Remove(header http.Header) {
	for _, name := range headers {
		if header[name] != nil { // nearly always nil, which is cheaper to see than to delete
			delete(header, name)
		}
	}
}

// End ends the span, with the status of the response, or 0 without one. failure is the type of
// the error, or empty; it must not be an error's text, which may quote an address with a
// credential in it.
func (s *Span) End(status int, failure string) {
	if s == nil {
		return
	}
	if status != 0 {
		s.span.SetAttributes(attribute.Int(responseStatus, status))
	}
	if failure != "" {
		s.span.SetAttributes(attribute.String(errorType, failure))
		s.span.SetStatus(codes.Error, failure)
	}
	s.span.End()
}
