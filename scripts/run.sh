#!/usr/bin/env bash
# `make run`: turns a fresh machine into a running judge that has passed its smoke test.
#
# Installs the build tools, builds Cupel without RabbitMQ, Kafka, S3 and OTLP, installs the core languages, runs `cupel doctor`, then starts
# scripts/serve-proved.sh as root (the sandbox's launcher needs it). LISTEN and DATA come from the Makefile or the environment.
set -euo pipefail
cd "$(dirname "$0")/.."

export LISTEN=${LISTEN:-127.0.0.1:8080} DATA=${DATA:-data}
cupel=$PWD/target/quick/cupel

scripts/setup.sh build

echo "== build (the first one takes some minutes, later ones seconds; \`make build\` builds the release)"
scripts/build.sh quick

# Report configuration errors before a later step fails because of them.
"$cupel" config check >/dev/null

# The server reads this file; `cupel languages` does so only if it is named. The language files in $DATA are not read: they belong to the
# server's user, and this command runs their version commands as root.
of_server=()
[ -n "${CUPEL_CONFIG:-}" ] || [ ! -e cupel.toml ] || of_server+=(--config cupel.toml)

echo "== languages: the core set"
if ! scripts/as-root "$cupel" languages install core "${of_server[@]}"; then
    echo "error: some languages could not be installed; the message above names the packages." >&2
    echo "       Fix the cause (outdated package lists or no network?), then run \`make run\` again." >&2
    exit 1
fi

echo "== doctor: does the sandbox work on this machine?"
if ! scripts/as-root "$cupel" doctor; then
    echo "error: the sandbox is incomplete on this machine; the table above names what is missing, and the remedy." >&2
    exit 1
fi

exec scripts/as-root scripts/serve-proved.sh "$cupel"
