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

// headers are those by which a trace is passed on (https://www.w3.org/TR/trace-context/).
var headers = []string{"Traceparent", "Tracestate"}

// Active reports whether the request of a context is traced, and its spans are kept.
func Active(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// Attribute is what is added to a span.
type Attribute struct{ Name, Value string }

// Describe adds attributes to the span of a context, the size of the request's body, and
// the type of the error that the request ended with, if any. Those without a value are
// left out.
func Describe(ctx context.Context, size int64, failure string, attributes []Attribute) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
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

// Span is that of a request to another server; nil if there is no trace.
type Span struct{ span trace.Span }

// Start begins the span of a request to another server, within that of ctx. The context
// that it returns is the request's.
func Start(ctx context.Context, name, method, address string) (context.Context, *Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, nil
	}
	ctx, span := parent.TracerProvider().Tracer(tracerName).Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient))
	span.SetAttributes(attribute.String(requestMethod, method))
	if address != "" {
		span.SetAttributes(attribute.String(serverAddress, address))
	}
	return ctx, &Span{span}
}

// Inject passes the trace on to the server, in a request's header.
func (s *Span) Inject(ctx context.Context, header http.Header) {
	if s != nil {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
	}
}

// Remove removes from a header what passes a trace on.
func Remove(header http.Header) {
	for _, name := range headers {
		delete(header, name)
	}
}

// End ends the span, with the status of the response, or 0 without one. failure is the type
// of the error, and empty if there is none: no text of an error, which may quote an address.
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
