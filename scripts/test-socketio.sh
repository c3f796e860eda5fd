#!/usr/bin/env bash
# Tests the Socket.IO gateway with the official client, unmodified, against the real server. Part of `make test`; takes about a minute.
#
# CUPEL is the binary [built here].
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build
# Installs the npm packages, one of which is the client.
scripts/build-site.sh required
if [ -z "${CUPEL:-}" ]; then
    cargo build --package cupel --quiet
    CUPEL=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/cupel
    export CUPEL
fi
# The client would send requests for loopback to a proxy, too.
export NO_PROXY=127.0.0.1 no_proxy=127.0.0.1
cd web
node --test --test-reporter tap socketio/socketio.test.mjs
