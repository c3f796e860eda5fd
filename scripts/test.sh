#!/usr/bin/env bash
# `make test`: installs the tools and the popular languages, then runs every test of the workspace, and the samples of every
# installed language. `make test-languages` installs and tests all languages.
#
#   scripts/test.sh             everything
#   scripts/test.sh sandbox     only the sandbox's test suites
#   scripts/test.sh check NAME  only this check (see `run_check` below), with the binary CUPEL
#
# Long test binaries and most other steps are skipped if nothing that they depend on has changed since they passed in
# this checkout. Each skipped step prints a message. ALL=1 runs everything, and so does CI=true for the test binaries.
#
# CHECKS_END_BEFORE=SECONDS since the epoch: a check that could end later on a slow machine is left out, and the last line names it.
# .ci/run sets it, because a run that is ended by force says nothing about the checks that have passed.
#
# Tests that use the sandbox need root. If the caller is not root, cargo builds as the caller, and scripts/as-root runs only the
# test binaries through sudo.
set -euo pipefail
cd "$(dirname "$0")/.."

[ "$(id -u)" -eq 0 ] || [ "${1:-}" = check ] || echo "Tests that use the sandbox need root: running the test binaries through sudo."

# The inputs of the `cupel` binary, on which most checks depend: all crates without the code of their tests, and what they embed.
product=(Cargo.lock Cargo.toml crates ':!crates/*/tests/*.rs' docs languages problems)

# run_check NAME: a check is skipped if it passed with the same inputs.
run_check() {
    case $1 in
    site) scripts/if-changed site web scripts/test-web.sh scripts/build-site.sh "${product[@]}" -- scripts/test-web.sh ;;
    cgroup-v2) scripts/if-changed cgroup-v2 Cargo.lock Cargo.toml crates/cupel-{sandbox,types,glob,languages} crates/cupel/src languages \
        scripts/cgroup2 scripts/test-cgroup2.sh -- scripts/test-cgroup2.sh short ;;
    socketio)
        scripts/if-changed socketio web/package-lock.json web/socketio web/e2e/server.mjs scripts/test-socketio.sh "${product[@]}" -- scripts/test-socketio.sh
        ;;
    facades) scripts/if-changed facades scripts/facades scripts/test-facades.sh "${product[@]}" -- scripts/test-facades.sh "$CUPEL" ;;
    openapi) scripts/if-changed openapi scripts/openapi scripts/test-openapi.sh "${product[@]}" -- scripts/test-openapi.sh ;;
    deployment) scripts/if-changed deployment deploy scripts/deploy scripts/test-deploy.sh "${product[@]}" -- scripts/test-deploy.sh ;;
    problems) scripts/if-changed problems problems "${product[@]}" -- scripts/as-root "$CUPEL" verify --jobs "$(nproc)" problems/*/ ;;
    samples) scripts/if-changed samples "${product[@]}" -- scripts/as-root "$CUPEL" languages test ;;
    third-party-packages) scripts/if-changed third-party-packages scripts/public-packages scripts/test-public-packages.sh "${product[@]}" \
        -- scripts/test-public-packages.sh "$CUPEL" ;;
    *)
        echo "error: there is no check $1" >&2
        return 1
        ;;
    esac
}

case ${1:-} in
sandbox)
    scripts/run-tests cupel-sandbox
    exit
    ;;
check)
    run_check "$2"
    exit
    ;;
esac

. scripts/test-options.sh

started=$SECONDS
# How long each part took, for the last line.
took=() part_began=$SECONDS
# ended PART: the part that began when the last one ended.
ended() {
    took+=("$1 $(((SECONDS - part_began) / 60)):$(printf %02d $(((SECONDS - part_began) % 60)))")
    part_began=$SECONDS
}

scripts/setup.sh build public

# Temporary files, such as the servers' data, are in memory if there is enough. The tests remove many files, and shortly after that, ext4
# takes long to create others: it searches for the number of a file that was not removed within the last minute.
memory_gib=$(df --output=avail --block-size=1G /dev/shm 2>/dev/null | tail -n 1)
temporary=
if [ -z "${TMPDIR:-}" ] && [ "${memory_gib:-0}" -ge 8 ]; then
    temporary=$(mktemp --directory /dev/shm/cupel-test.XXXXXX)
    chmod 1777 "$temporary"
    export TMPDIR=$temporary
fi

# The broker of the Kafka tests is built while other steps leave a processor idle. scripts/run-tests waits for it.
mkdir -p target/tools
scripts/idle scripts/build-tansu.sh >target/tools/tansu.log 2>&1 </dev/null &

CUPEL=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")/debug/cupel
export CUPEL
install_languages() {
    scripts/again scripts/as-root "$CUPEL" languages install popular
}
is_first_build=
[ -e "$CUPEL" ] || is_first_build=yes

# Installs what the compiler does not need, and builds the site. A first build links `cupel` when a fifth of its time is left, and a new
# machine has no languages, so they are installed during that time.
prepare() {
    scripts/setup.sh servers docker cgroup2 deploy openapi web
    # The interpreter of DOMjudge's checktestdata language (for input validators), where `cupel verify` looks for it.
    checktestdata=2026.9.2 pip=/usr/local/lib/cupel/pip
    if ! [ -d "$pip/checktestdata-$checktestdata.dist-info" ]; then
        echo "Installing from PyPI into $pip: checktestdata $checktestdata"
        scripts/again scripts/as-root /usr/bin/python3 -m pip --quiet --disable-pip-version-check install --no-deps --upgrade \
            --root-user-action ignore --target "$pip" "checktestdata==$checktestdata"
    fi
    scripts/build-site.sh required
    scripts/again scripts/test-cgroup2.sh prepare
    if [ -n "$is_first_build" ]; then
        until [ -x "$CUPEL" ]; do sleep 1; done
        install_languages
    fi
}
# A new build of the site removes the files of the earlier one, which the compiler may be reading.
[ ! -e web/dist ] || scripts/build-site.sh required
# Downloads leave the processors idle, so the compiler works meanwhile. If the site was not ready when its crate was compiled, the second
# call of cargo compiles that crate again. scripts/run-tests builds the tests with the same command.
prepare </dev/null &
preparing=$!
# Ends a process and its descendants.
end_tree() {
    local children child
    children=$(pgrep --parent "$1" || true)
    kill "$1" 2>/dev/null || true
    for child in $children; do end_tree "$child"; done
}
# Ends the background jobs that are still running, and removes the temporary files. The number of a job that has ended may belong to
# another process, so only running jobs are ended.
clean_up() {
    local job
    for job in $(jobs -pr); do end_tree "$job"; done
    [ -z "$temporary" ] || scripts/as-root rm -rf "$temporary" || true
}
trap clean_up EXIT
echo "== build"
cargo test --workspace --tests --no-run --quiet
[ -x "$CUPEL" ] || {
    echo "error: cargo did not build $CUPEL; select the directory of builds with CARGO_TARGET_DIR only" >&2
    exit 1
}
wait "$preparing"
cargo test --workspace --tests --no-run --quiet

echo "== languages: popular"
install_languages

echo "== doctor"
scripts/as-root "$CUPEL" doctor
ended build

# A failed check does not end the run, so that one run shows every failure.
failed=() left_out=()
# check NAME MINUTES COMMAND...: MINUTES is how long the check takes on a slow machine; with 0, it always runs.
check() {
    if [ "$2" -gt 0 ] && [ -n "${CHECKS_END_BEFORE:-}" ] && [ "$(($(date +%s) + $2 * 60))" -gt "$CHECKS_END_BEFORE" ]; then
        echo "== $1: left out, because too little time is left (CHECKS_END_BEFORE)"
        left_out+=("$1")
        return
    fi
    echo "== $1 (after $(((SECONDS - started) / 60)) min)"
    "${@:3}" || failed+=("$1")
    ended "$1"
}

# The tests always run, and some checks beside them. A check for which too little time is left is left out; shorter checks after it may
# still run.
check tests 0 scripts/run-tests --check problems --check third-party-packages --check facades --check socketio --check samples --check openapi \
    --check deployment --idle-check cgroup-v2
check site 13 run_check site

parts=$(printf ', %s' "${took[@]}")
whole="$(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s (${parts:2})"
if [ "${#failed[@]}" -gt 0 ]; then
    echo "make test: failed after $whole: ${failed[*]}"
    exit 1
fi
if [ "${#left_out[@]}" -gt 0 ]; then
    echo "make test: passed in $whole, but these checks were left out: ${left_out[*]}"
    exit 0
fi
echo "make test: everything passed in $whole"
