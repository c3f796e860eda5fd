#!/usr/bin/env bash
# Checks formatting, runs clippy with warnings denied, and runs shellcheck if it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/test-options.sh

for component in clippy fmt; do
    if ! cargo "$component" --version >/dev/null 2>&1; then
        echo "error: cargo $component is missing: rustup component add clippy rustfmt" >&2
        exit 1
    fi
done

echo "== format"
cargo fmt --all --check
echo "== clippy"
cargo clippy --workspace --all-targets --quiet -- --deny warnings
if command -v shellcheck >/dev/null; then
    echo "== shellcheck"
    shellcheck scripts/*.sh scripts/{again,as-root,idle,if-changed} scripts/cgroup2/{run-in-guest,guest} .ci/run \
        deploy/compose/configure.sh deploy/images/{make.sh,cupel-ready,cupel-sandboxed,cupel-postgres}
else
    echo "== shellcheck: not installed, skipped (\`make setup\` installs it)"
fi
