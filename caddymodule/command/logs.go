// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

// quiet returns a config of logs that opens none of the examined config's log files, which a
// running Caddy writes, and that leaves out this module's lines: the findings say the same.
func quiet() *caddy.Logging {
	return &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "ERROR"}, Exclude: []string{"http.handlers.uploadcare_sign", "uploadcare.sources"}},
	}}
}

// discarding returns the same with the logs of a config, of which Caddy then loads all but the
// output. What stands in its place writes nothing.
func discarding(logging *caddy.Logging) *caddy.Logging {
	all := quiet()
	if logging == nil {
		return all
	}
	if logging.Sink != nil {
		all.Sink = &caddy.SinkLog{BaseLog: discardingBase(logging.Sink.BaseLog)}
	}
	for name, log := range logging.Logs {
		if log == nil {
			continue
		}
		if name == caddy.DefaultLoggerName {
			name += " (of the config)" // beside the one that shows errors
		}
		all.Logs[name] = &caddy.CustomLog{BaseLog: discardingBase(log.BaseLog), Include: log.Include, Exclude: log.Exclude}
	}
	return all
}

func discardingBase(log caddy.BaseLog) caddy.BaseLog {
	log.WriterRaw = json.RawMessage(`{"output":"discard"}`)
	log.CoreRaw = nil // a plugin's, which would get the lines all the same
	return log
}
