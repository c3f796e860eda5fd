#!/usr/bin/env bash
# Checks the dependency policy in deny.toml: licences, duplicates and sources; advisories if their database can be fetched.
#
# Uses an installed cargo-deny. If there is none, builds the version below into target/tools once (2 to 3 minutes on two cores).
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
tools=$PWD/target/tools
PATH=$PATH:$tools/bin
if ! cargo deny --version >/dev/null 2>&1; then
    echo "Building cargo-deny $version into target/tools (once; takes a few minutes)"
    # Not optimized, which builds faster.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
        scripts/again cargo install cargo-deny --version "$version" --locked --quiet --root "$tools" --target-dir "$tools/build"
    rm -rf "$tools/build"
fi

cargo deny --log-level error check bans licenses sources
if timeout 120 cargo deny --log-level error fetch db >/dev/null 2>&1; then
    cargo deny --log-level error check --disable-fetch advisories
else
    echo "advisories: not checked, because the advisory database cannot be fetched"
fi
