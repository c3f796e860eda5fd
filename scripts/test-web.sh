#!/usr/bin/env bash
# Tests the site: types, units, the freshness of the generated API types, and the browser tests against the real server.
# Part of `make test`; takes some minutes.
#
#   scripts/test-web.sh [PATTERN]     only browser tests whose name matches (a regular expression)
#
# CUPEL is the binary [built here]. SHOTS=FOLDER writes a screenshot of every screen that the tests check. LATE_MS=150 delays every response
# by 150 ms. CHROMIUM is the browser [/usr/bin/chromium-headless-shell].
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build web
scripts/build-site.sh required
# The binary with this site. `make test` has built it.
if [ -z "${CUPEL:-}" ]; then
    cargo build --package cupel --quiet
    CUPEL=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/cupel
    export CUPEL
fi
# The browser would send requests for loopback to a proxy, too.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

cd web
# Each of these uses one processor.
"$CUPEL" openapi | node generate-api.mjs --check &
api=$!
npm run --silent types &
types=$!
npm run --silent unit
wait "$api"
wait "$types"
node e2e/run.mjs ${1:+"$1"}
