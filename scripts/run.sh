#!/usr/bin/env bash
# `make run`: from a fresh machine to a judge that serves and has proved itself.
#
# Build tools, release build, core languages, doctor, then scripts/serve-proved.sh as root (the sandbox's launcher
# needs it). LISTEN and DATA come from the Makefile or the environment.
set -euo pipefail
cd "$(dirname "$0")/.."

export LISTEN=${LISTEN:-127.0.0.1:8080} DATA=${DATA:-data}
cupel=$PWD/target/release/cupel

scripts/setup.sh build

echo "== build (release; the first time takes some minutes, later ones seconds)"
cargo build --release --package cupel

# Faults of the configuration are told as such, before anything else trips over them.
"$cupel" config check >/dev/null

echo "== languages: the core set"
if ! scripts/as-root "$cupel" languages install core; then
    echo "error: some languages could not be installed; the message above names the packages." >&2
    echo "       Mend it (apt-get update? network?) and run \`make run\` again." >&2
    exit 1
fi

echo "== doctor: can this machine isolate?"
if ! scripts/as-root "$cupel" doctor; then
    echo "error: a wall of the sandbox is missing here; the table above says which, and the remedy." >&2
    exit 1
fi

exec scripts/as-root scripts/serve-proved.sh "$cupel"
