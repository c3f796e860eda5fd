#!/usr/bin/env bash
# `make build` and the build of `make run`. Builds the site first, if Node.js is new enough.
#
#   scripts/build.sh          the release: optimized, with every engine
#     target/dist/cupel       the binary without symbols and debug information
#     target/dist/cupel.debug symbols and debug information; backtraces and debuggers find this file if it is beside the binary
#   scripts/build.sh quick    target/quick/cupel: the binary less optimized, built faster, without the engines of clusters
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/build-site.sh

case ${1:-release} in
    quick) cargo build --profile quick --no-default-features --package cupel "${@:2}" ;;
    release)
        # Part of the version, so that the alert CupelVersionsDiffer distinguishes builds. A source archive has no commit.
        if commit=$(git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null); then
            export BUILD_COMMIT=$commit
        fi
        cargo build --release --package cupel
        # The results are in another directory, because cargo would not link its own file again after a change by objcopy.
        mkdir -p target/dist
        (
            cd target/dist
            objcopy --only-keep-debug ../release/cupel cupel.debug
            objcopy --strip-all --add-gnu-debuglink=cupel.debug ../release/cupel cupel
        )
        du --apparent-size --human-readable target/dist/cupel target/dist/cupel.debug
        ;;
    *)
        echo "usage: scripts/build.sh [quick]" >&2
        exit 2
        ;;
esac
