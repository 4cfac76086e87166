#!/bin/sh
# Builds ./caddy from this checkout: Caddy's standard modules, ours, and whatever
# else is asked for. Needs Go and nothing else.
#
#	./xcaddy.sh [build] [--with <module[@version]>...]   build ./caddy
#	./xcaddy.sh run     [--with <module[@version]>...]   build it if needed, and run Caddyfile.example
#
# Other arguments go to `xcaddy build` as they are. Caddy's version is that of
# go.mod, and so is xcaddy's own. OUTPUT names another binary than ./caddy. The
# gateway of `run` listens on 127.0.0.1 alone, or on the address that LISTEN names.
set -eu
cd "$(dirname "$0")"

export GOWORK=off # of a go.work further up
module=$(go list -m)
output=${OUTPUT:-./caddy}

build() {
	caddy_version=$(go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)
	echo "building $output with Caddy $caddy_version; the first time takes a few minutes" >&2
	# The version is in go.mod, so that `caddy list-modules --versions` shows it, and
	# the commit comes from the linker. Without git there is neither.
	found=$(dist/version) version=${found%% *} commit=${found##* }
	# The same flags as xcaddy's own, which it leaves out if there are others.
	flags=${XCADDY_GO_BUILD_FLAGS-"-ldflags '-w -s -X $module/caddymodule/project.commit=$commit' -trimpath -tags nobadger,nomysql,nopgx"}
	# This module is taken from the checkout, and nobody is asked about it: the
	# module proxy and the version control host need not know it.
	GONOPROXY=$module GOVCS=$module:off XCADDY_GO_BUILD_FLAGS=$flags \
		go tool xcaddy build "$caddy_version" \
		--with "$module/caddymodule${version:+@$version}" \
		--with "$module/caddymodule/sandbox${version:+@$version}" \
		--replace "$module${version:+@$version}=$PWD" \
		--output "$output" \
		"$@"
}

up_to_date() { # but for tests
	[ -x "$output" ] && [ -z "$(find caddymodule cmd go.mod go.sum -newer "$output" -type f ! -name "*_test.go" ! -path "*/testdata/*" ! -name "*.caddyfiletest" | head -n 1)" ]
}

# announce says where to upload, once the gateway has passed a request on. It ends with
# Caddy, into which this script turns, in case that cannot start, and after a minute: in a
# Caddyfile.example that somebody has changed, there may be nothing that says yes.
announce() {
	host=${LISTEN:-localhost}
	case $host in
	0.0.0.0 | :: | "[::]") host=localhost ;;
	"["*) ;;
	*:*) host="[$host]" ;; # IPv6
	esac
	end=$(($(date +%s) + 60))
	until "$output" uploadcare health --url "http://$host:8080/" >/dev/null 2>&1; do
		kill -0 $$ 2>/dev/null && [ "$(date +%s)" -lt "$end" ] || return 0
		sleep 0.5
	done
	cat >&2 <<-EOF

		gateway     http://$host:8080
		Upload API  http://localhost:8081, a sandbox; in a browser, a page that uploads
		an upload   curl -F UPLOADCARE_PUB_KEY=demopublickey -F file=@README.md http://$host:8080/base/

	EOF
}

case ${1-} in
run)
	shift
	# With plugins of the user's own there is no telling whether it has them.
	if [ $# -gt 0 ] || ! up_to_date; then
		build "$@"
	fi
	announce &
	exec "$output" run --config Caddyfile.example
	;;
build)
	shift
	build "$@"
	;;
-h | --help | help)
	sed -n 's|^# \{0,1\}||; 2,10p' "$(basename "$0")"
	;;
'' | -*)
	build "$@"
	;;
*)
	echo "usage: ./xcaddy.sh [build | run] [--with <module[@version]>...]" >&2
	exit 2
	;;
esac
