// SPDX-License-Identifier: Apache-2.0

package command

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/project"
	"github.com/caddy-uploadcare/caddy-uploadcare/caddymodule/source"
)

// configError is the finding that a config does not load. Load errors show no secret.
func configError(err error) finding {
	return finding{"config", "", failed, withoutWay(err.Error()), "the text names the option, and a Caddyfile's line where there is one; docs/errors.md has more on each, under `Loading the config`"}
}

// withoutWay returns the text of a load error without Caddy's way to the handler, which
// repeats itself for each subroute, and has longer lines than the cause.
func withoutWay(text string) string {
	const mark = "provision http.handlers."
	if i := strings.LastIndex(text, mark); i >= 0 {
		return text[i+len(mark):]
	}
	return text
}

// checkConfig returns the finding on a config that was loaded. One without a gateway loads as
// well, and is usually the wrong file.
func checkConfig(sites []*site, projects []*project.Project) finding {
	f := finding{"config", "", ok, fmt.Sprintf("it loads (handlers uploadcare_sign: %d, different projects: %d)", len(sites), len(projects)), ""}
	if len(sites) == 0 {
		f.Verdict, f.Text = warning, "it loads, and there is no uploadcare or uploadcare_sign in it"
		f.Remedy = "name the right file with --config, or write the directive `uploadcare` into a site"
	}
	return f
}

// rawProject is the config of a project, as far as checks need it before it is loaded.
type rawProject struct {
	PublicKey string `json:"public_key"`
	Source    *struct {
		Module string   `json:"module"`
		Keys   []string `json:"keys"`
	} `json:"source"`
}

// projects returns the projects of the site's config.
func (s *site) projects() []rawProject {
	var handler struct {
		Projects []rawProject `json:"projects"`
	}
	_ = json.Unmarshal(s.sign, &handler) // loading the config reports the error
	// Without projects, the handler has one by default, whose key must be checked too.
	if len(handler.Projects) == 0 {
		handler.Projects = make([]rawProject, 1)
	}
	return handler.Projects
}

// checkSecrets checks the secret keys of a config before it is loaded: loading ends with the
// first wrong key, and the operator would find the others one by one.
func checkSecrets(sites []*site) (findings []finding) {
	seen := make(map[string]bool)
	for _, site := range sites {
		for _, raw := range site.projects() {
			var keys []string
			if raw.Source != nil {
				if raw.Source.Module != "secret_key" {
					continue
				}
				keys = raw.Source.Keys
			}
			id := fmt.Sprintf("%q %q", raw.PublicKey, keys)
			if !seen[id] {
				seen[id] = true
				findings = append(findings, checkSecret(raw.PublicKey, keys))
			}
		}
	}
	return findings
}

// checkSecret returns the finding on the secret keys of one project. Without any in the config,
// the key of the environment is checked.
func checkSecret(publicKey string, keys []string) finding {
	if publicKey == "" {
		publicKey = "{env.UPLOADCARE_PUBLIC_KEY}"
	}
	if err := source.CheckSecretKeys(keys); err != nil {
		return finding{"secret", publicKey, failed, err.Error(), "put the key alone, as the project's dashboard shows it under API keys, into the file or the variable that the config names, readable for the user that runs Caddy"}
	}
	return finding{"secret", publicKey, ok, fmt.Sprintf("each secret key can be read, and looks like one (keys: %d)", max(len(keys), 1)), ""}
}
