// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	metricscollector "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// telemetry is a collector of OpenTelemetry, by OTLP over HTTP.
type telemetry struct {
	mu      sync.Mutex
	spans   []*trace.Span
	metrics map[string]bool // names
}

func (c *telemetry) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.URL.Path {
	case "/v1/traces":
		var exported collector.ExportTraceServiceRequest
		if proto.Unmarshal(body, &exported) == nil {
			for _, resource := range exported.ResourceSpans {
				for _, scope := range resource.ScopeSpans {
					c.spans = append(c.spans, scope.Spans...)
				}
			}
		}
	case "/v1/metrics":
		var exported metricscollector.ExportMetricsServiceRequest
		if proto.Unmarshal(body, &exported) == nil {
			for _, resource := range exported.ResourceMetrics {
				for _, scope := range resource.ScopeMetrics {
					for _, metric := range scope.Metrics {
						c.metrics[metric.Name] = true
					}
				}
			}
		}
	}
}

// span returns the span of a name, or nil.
func (c *telemetry) span(kind trace.Span_SpanKind, name string) *trace.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if span.Kind == kind && strings.Contains(span.Name, name) {
			return span
		}
	}
	return nil
}

func (c *telemetry) has(metric string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.metrics[metric]
}

func attributesOf(span *trace.Span) map[string]string {
	attributes := make(map[string]string)
	for _, attribute := range span.Attributes {
		attributes[attribute.Key] = textOf(attribute.Value)
	}
	return attributes
}

func textOf(value *common.AnyValue) string {
	switch value := value.Value.(type) {
	case *common.AnyValue_StringValue:
		return value.StringValue
	case *common.AnyValue_IntValue:
		return fmt.Sprint(value.IntValue)
	default:
		return fmt.Sprint(value)
	}
}

// tracedSite is a gateway with tracing.
type tracedSite struct {
	*caddyProcess
	gateway            string
	exported           *telemetry
	resolver, upstream string // the traceparents by which they were asked
}

// startTraced runs Caddy with tracing.
func startTraced(t *testing.T, option string) *tracedSite {
	t.Helper()
	s := &tracedSite{gateway: freeAddress(t), exported: &telemetry{metrics: make(map[string]bool)}}
	endpoint := startUpstream(t, s.exported.ServeHTTP).URL
	backEnd := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		s.resolver = r.Header.Get("Traceparent")
		fmt.Fprintf(w, `{"signature":"%s","expire":"%d"}`, strings.Repeat("5", 64), 4102444800)
	}).URL
	service := startUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		s.upstream = r.Header.Get("Traceparent")
		if r.URL.RawQuery == "break-off" {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "{")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		accept(w, r)
	}).URL
	s.caddyProcess = startCaddy(t, "{\n\tmetrics {\n\t\totlp\n\t}\n}\nhttp://"+s.gateway+" {\n\tbind 127.0.0.1\n\ttracing {\n\t\tspan upload-site\n\t}\n\tuploadcare {\n\t\tproject demopublickey {\n\t\t\tresolver "+backEnd+
		"/sign\n\t\t\tcallers anyone\n\t\t}\n\t\tupstream "+service+"\n\t\t"+option+"\n\t}\n}\n",
		"OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_BSP_SCHEDULE_DELAY=50", "OTEL_METRIC_EXPORT_INTERVAL=100")
	return s
}

// A trace shows the upload's outcome, and the requests to the resolver and to the service
// as spans of their own. The resolver sees the trace; the service does not, unless it is
// to. Metrics leave the same way.
func TestTracesOfUploads(t *testing.T) {
	for option, passed := range map[string]bool{"": false, "trace_upstream": true} {
		t.Run("with "+option, func(t *testing.T) {
			s := startTraced(t, option)
			exported := s.exported
			form := formOf(key, field("signature", strings.Repeat("a", 32)), file("file", "meow"))
			request := newUpload(t, "http://"+s.gateway+"/base/", strings.NewReader(form))
			request.Header.Set("Traceparent", "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01")
			readAll(t, do(t, http.DefaultClient, request))

			const server, client = trace.Span_SPAN_KIND_SERVER, trace.Span_SPAN_KIND_CLIENT
			eventually(t, "all spans have come", func() bool {
				return exported.span(server, "upload-site") != nil && exported.span(client, "resolve credential") != nil && exported.span(client, "upload") != nil
			})
			site, asked, sent := exported.span(server, "upload-site"), exported.span(client, "resolve credential"), exported.span(client, "upload")
			for name, want := range map[string]string{
				"uploadcare.outcome": "accepted", "uploadcare.project": "demopublickey", "uploadcare.endpoint": "/base/",
				"uploadcare.credential": "md5", "http.request.body.size": fmt.Sprint(len(form)),
			} {
				if got := attributesOf(site)[name]; got != want {
					t.Errorf("%s of the site's span is %q, want %q", name, got, want)
				}
			}
			if got := attributesOf(sent)["http.response.status_code"]; got != "200" {
				t.Errorf("the upstream's status is %q", got)
			}
			for _, span := range []*trace.Span{asked, sent} {
				if got := attributesOf(span)["server.address"]; got != "127.0.0.1" {
					t.Errorf("the server of %s is %q", span.Name, got)
				}
				if hex.EncodeToString(span.TraceId) != "0123456789abcdef0123456789abcdef" || len(span.ParentSpanId) == 0 {
					t.Errorf("%s is not part of the client's trace", span.Name)
				}
			}
			if want := "00-" + hex.EncodeToString(asked.TraceId) + "-" + hex.EncodeToString(asked.SpanId) + "-01"; s.resolver != want {
				t.Errorf("the resolver gets traceparent %q, want %q", s.resolver, want)
			}
			want := ""
			if passed {
				want = "00-" + hex.EncodeToString(sent.TraceId) + "-" + hex.EncodeToString(sent.SpanId) + "-01"
			}
			if s.upstream != want {
				t.Errorf("the service gets traceparent %q, want %q", s.upstream, want)
			}
			for _, span := range []*trace.Span{site, asked, sent} {
				for name, value := range attributesOf(span) {
					if strings.Contains(value, strings.Repeat("5", 64)) || strings.Contains(value, strings.Repeat("a", 32)) {
						t.Errorf("a signature is in %s of %s", name, span.Name)
					}
				}
			}
			eventually(t, "the metrics have come", func() bool {
				return exported.has("caddy_uploadcare_uploads_total") && exported.has("caddy_uploadcare_client_credentials_total") && exported.has("caddy_uploadcare_build_info")
			})
		})
	}
}

// A trace that is not sampled goes on, for others may keep it: the log and the resolver have
// its ID.
func TestTracesThatAreNotSampled(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	s := startTraced(t, "trace_upstream")
	for _, name := range []string{"demopublickey", "another"} {
		form := formOf(field("UPLOADCARE_PUB_KEY", name), file("file", "meow"))
		request := newUpload(t, "http://"+s.gateway+"/base/", strings.NewReader(form))
		request.Header.Set("Traceparent", "00-"+id+"-0123456789abcdef-00")
		readAll(t, do(t, http.DefaultClient, request))
	}
	for server, traceparent := range map[string]string{"resolver": s.resolver, "service": s.upstream} {
		if !strings.HasPrefix(traceparent, "00-"+id+"-") || !strings.HasSuffix(traceparent, "-00") {
			t.Errorf("the %s gets traceparent %q", server, traceparent)
		}
	}
	eventually(t, "the log has the trace's ID", func() bool { return strings.Contains(s.output.String(), `"trace_id":"`+id+`"`) })
	// The spans of a trace that is sampled come behind those before.
	readAll(t, do(t, http.DefaultClient, newUpload(t, "http://"+s.gateway+"/base/", strings.NewReader(formOf(key, file("file", "meow"))))))
	eventually(t, "the span of another upload has come", func() bool { return s.exported.span(trace.Span_SPAN_KIND_SERVER, "upload-site") != nil })
	s.exported.mu.Lock()
	defer s.exported.mu.Unlock()
	for _, span := range s.exported.spans {
		if hex.EncodeToString(span.TraceId) == id {
			t.Errorf("the span %s was exported", span.Name)
		}
	}
}

// An upload that fails says why, by OpenTelemetry's attribute.
func TestTracesOfUploadsThatFail(t *testing.T) {
	s := startTraced(t, "")
	form := formOf(field("UPLOADCARE_PUB_KEY", "another"), file("file", "meow"))
	readAll(t, do(t, http.DefaultClient, newUpload(t, "http://"+s.gateway+"/base/", strings.NewReader(form))))
	eventually(t, "the span has come", func() bool { return s.exported.span(trace.Span_SPAN_KIND_SERVER, "upload-site") != nil })
	attributes := attributesOf(s.exported.span(trace.Span_SPAN_KIND_SERVER, "upload-site"))
	if attributes["error.type"] != "ProjectPublicKeyInvalidError" || attributes["uploadcare.outcome"] != "refused" {
		t.Errorf("%v", attributes)
	}
}

// The proxy panics when a response breaks off; its span ends all the same.
func TestTracesOfUploadsWhoseResponseBreaksOff(t *testing.T) {
	s := startTraced(t, "")
	response, err := http.DefaultClient.Do(newUpload(t, "http://"+s.gateway+"/base/?break-off", strings.NewReader(formOf(key, file("file", "meow")))))
	if err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
	const client = trace.Span_SPAN_KIND_CLIENT
	eventually(t, "the span has come", func() bool { return s.exported.span(client, "upload") != nil })
	attributes := attributesOf(s.exported.span(client, "upload"))
	if attributes["error.type"] != "reset" || attributes["http.response.status_code"] != "200" {
		t.Errorf("%v", attributes)
	}
}
