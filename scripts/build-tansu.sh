#!/usr/bin/env bash
# Builds tansu, a broker that speaks Kafka's protocol, from crates.io into /usr/local/lib/cupel/bin, where the tests look for it. The
# first build takes some minutes; later calls take a fraction of a second. A concurrent call waits for the first one.
set -euo pipefail
cd "$(dirname "$0")/.."

tansu=0.6.0 folder=/usr/local/lib/cupel/bin
mkdir -p target/tools
exec 9>target/tools/tansu.lock
flock 9
if [ "$("$folder/tansu" --version 2>/dev/null)" = "tansu $tansu" ]; then
    exit 0
fi
echo "Building into $folder: tansu $tansu (some minutes)"
# An interrupted build continues the next time.
built=$PWD/target/tools/tansu
# Built without optimization, and with only the feature that `memory://` needs, which takes less time. Cargo uses the
# compiler that rust-toolchain.toml in this folder selects.
export CARGO_PROFILE_RELEASE_OPT_LEVEL=0
if ! scripts/again cargo install --quiet --locked --root "$built" --target-dir "$built/build" \
    tansu --version "$tansu" --features dynostore; then
    echo "error: cargo could not install tansu $tansu, which the tests of the Kafka queue need; the cause is above." >&2
    echo "       Install it manually as $folder/tansu, then try again." >&2
    exit 1
fi
scripts/as-root install -D --mode 755 --strip "$built/bin/tansu" "$folder/tansu"
rm -rf "$built"
echo "Built tansu $tansu"
