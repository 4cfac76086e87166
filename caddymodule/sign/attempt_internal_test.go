// SPDX-License-Identifier: Apache-2.0

package sign

import (
	"net/http"
	"reflect"
	"testing"
)

func TestAHeaderIsCloned(t *testing.T) {
	t.Parallel()
	header := http.Header{"Accept": {"*/*"}, "Cookie": {"a", "b", "c"}, "X-Forwarded-For": nil, "X-Empty": {}, "Via": {"1.1 a"}}
	clone := cloneHeader(header)
	if want := header.Clone(); !reflect.DeepEqual(clone, want) {
		t.Fatalf("got %#v, want %#v", clone, want)
	}
	for name, values := range clone { // neither changes the other, nor its own neighbours
		for i := range values {
			values[i] = "changed"
		}
		clone[name] = append(values, "more")
	}
	clone["New"] = []string{"new"}
	if want := (http.Header{"Accept": {"*/*"}, "Cookie": {"a", "b", "c"}, "X-Forwarded-For": nil, "X-Empty": {}, "Via": {"1.1 a"}}); !reflect.DeepEqual(header, want) {
		t.Errorf("the original became %#v", header)
	}
	if want := []string{"changed", "changed", "changed", "more"}; !reflect.DeepEqual(clone["Cookie"], want) {
		t.Errorf("got %q", clone["Cookie"])
	}
}
