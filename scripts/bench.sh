#!/usr/bin/env bash
# `make bench`: release build, then every measurement of bench/README.md. Arguments go to cupel-bench.
#
# Needs root for the sandbox, and a machine that does nothing else meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --release --quiet --package cupel --package cupel-bench
exec scripts/as-root target/release/cupel-bench "$@"
