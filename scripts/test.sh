#!/usr/bin/env bash
# `make test`: installs the tools and the popular languages, then runs every test of the workspace, doc tests, and the samples of every
# installed language. `make test-languages` installs and tests all languages.
#
#   scripts/test.sh             everything
#   scripts/test.sh sandbox     only the sandbox's test suites
#
# Long test binaries and most other steps are skipped if nothing that they depend on has changed since they passed in this checkout. Each
# says so. ALL=1 runs everything, and so does CI=true for the test binaries.
#
# Tests that use the sandbox need root. If the caller is not root, cargo builds as the caller, and scripts/as-root runs only the
# test binaries through sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" -eq 0 ] || echo "Tests that use the sandbox need root: running the test binaries through sudo."

if [ "${1:-}" = sandbox ]; then
    scripts/run-tests cupel-sandbox
    exit
fi

started=$SECONDS
scripts/setup.sh build public servers docker cgroup2 deploy openapi web

# The broker of the Kafka tests is built while other steps leave a processor idle. scripts/run-tests waits for it.
mkdir -p target/tools
setsid nice --adjustment 19 scripts/build-tansu.sh >target/tools/tansu.log 2>&1 </dev/null &
tansu=$!
trap 'kill -- "-$tansu" 2>/dev/null || true' EXIT

# Install the interpreter of DOMjudge's checktestdata language (for input validators) where `cupel verify` looks for it.
checktestdata=2026.9.2 pip=/usr/local/lib/cupel/pip
if ! [ -d "$pip/checktestdata-$checktestdata.dist-info" ]; then
    echo "Installing from PyPI into $pip: checktestdata $checktestdata"
    scripts/again scripts/as-root /usr/bin/python3 -m pip --quiet --disable-pip-version-check install --no-deps --upgrade \
        --root-user-action ignore --target "$pip" "checktestdata==$checktestdata"
fi

# The site is part of the binary, so it is built first. The build of the tests includes the binary.
scripts/build-site.sh required
echo "== build"
cargo test --workspace --no-run --quiet
CUPEL=$(realpath "${CARGO_TARGET_DIR:-target}")/debug/cupel
export CUPEL

echo "== languages: popular"
scripts/again scripts/as-root "$CUPEL" languages install popular

echo "== doctor"
scripts/as-root "$CUPEL" doctor

echo "== tests"
scripts/run-tests

# The inputs of the `cupel` binary, on which the following checks depend.
product=(Cargo.lock Cargo.toml crates/*/Cargo.toml crates/*/src languages)

scripts/if-changed cgroup-v2 Cargo.lock crates/cupel-sandbox crates/cupel-types crates/cupel/src scripts/cgroup2 scripts/test-cgroup2.sh \
    -- scripts/test-cgroup2.sh short

echo "== deployment"
scripts/if-changed deployment deploy scripts/deploy scripts/test-deploy.sh "${product[@]}" -- scripts/test-deploy.sh

echo "== OpenAPI document"
scripts/if-changed openapi scripts/openapi scripts/test-openapi.sh crates/cupel-api/tests/it/patterns.json "${product[@]}" -- scripts/test-openapi.sh

echo "== facades"
scripts/if-changed facades scripts/facades scripts/test-facades.sh "${product[@]}" -- scripts/test-facades.sh "$CUPEL"

echo "== site"
scripts/if-changed site web scripts/test-web.sh scripts/build-site.sh "${product[@]}" -- scripts/test-web.sh

echo "== problems"
scripts/if-changed problems problems "${product[@]}" -- scripts/as-root "$CUPEL" verify --jobs "$(nproc)" problems/*/

echo "== third-party packages"
scripts/if-changed third-party-packages scripts/public-packages scripts/test-public-packages.sh "${product[@]}" \
    -- scripts/test-public-packages.sh "$CUPEL"

echo "== samples of every installed language"
scripts/if-changed samples "${product[@]}" -- scripts/as-root "$CUPEL" languages test

echo "make test: everything passed in $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
