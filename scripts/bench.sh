#!/usr/bin/env bash
# `make bench`: builds the release binaries, then runs the measurements that bench/README.md describes; without arguments, all but
# `peers`, `walls`, `images` and `docker`. Passes its arguments to cupel-bench.
#
# Needs root for the sandbox, and an otherwise idle machine.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --quiet --package cupel --package cupel-bench
exec scripts/as-root target/release/cupel-bench "$@"
