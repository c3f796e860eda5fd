#!/usr/bin/env bash
# Runs the cluster fault-injection tests (crates/cupel/tests/it/cluster) one after another. Prints one line per execution of a test, and
# a summary with one line per test at the end.
#
#   scripts/faults.sh [--times N] [--soak] [NAME...]
#
#   --times N   run each test that is also part of `make test` N times in a row (default 1)
#   --soak      afterwards, run every fault on every broker once, with 10,000 submissions each
#   NAME        run only the tests whose names contain NAME, or one of several NAMEs
#
# The output of failed tests is kept in target/faults/.
set -euo pipefail
cd "$(dirname "$0")/.."

soak='' times=1 names=()
while [ $# -gt 0 ]; do
    case $1 in
        --soak) soak=yes ;;
        --times) times=$2 && shift ;;
        *) names+=("$1") ;;
    esac
    shift
done
scripts/setup.sh build servers
scripts/build-tansu.sh
host=$(rustc --version --verbose | sed -n 's/^host: //p')
runner=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$host")_RUNNER
[ "$(id -u)" -eq 0 ] || export "$runner=$PWD/scripts/as-root"
it() {
    cargo test --quiet --package cupel --test it -- "$@"
}

logs=${CARGO_TARGET_DIR:-target}/faults
mkdir -p "$logs"
listed() {
    it "$@" --list | sed -n 's/^\(cluster::.*\): test$/\1/p' | grep --invert-match '::history::' |
        grep --fixed-strings --file=<(printf '%s\n' "${names[@]-}") || true
}
mapfile -t all < <(listed)
[ ${#all[@]} -gt 0 ] || { echo "error: no cluster test has a name that contains: ${names[*]}" >&2 && exit 2; }
# Ignored tests run only with `--soak`.
mapfile -t usual < <(printf '%s\n' "${all[@]}" | grep --invert-match --line-regexp --file=<(listed --ignored))

failed=0 began=$SECONDS sums=()
# row WHAT TIMES TEST...: runs each test TIMES times. WHAT is appended to every line that is printed.
row() {
    local what=$1 times=$2 test run passed slowest from took said
    shift 2
    for test in "$@"; do
        passed=0 slowest=0
        for run in $(seq "$times"); do
            from=$SECONDS said=passed
            if it --include-ignored --exact "$test" >"$logs/last.log" 2>&1; then
                passed=$((passed + 1))
            else
                failed=1 said=FAILED
                mv "$logs/last.log" "$logs/${test//::/.}.$(date +%H%M%S).log"
            fi
            took=$((SECONDS - from)) slowest=$((took > slowest ? took : slowest))
            printf '%s %4d s  %s, %d of %d%s\n' "$said" "$took" "${test#cluster::}" "$run" "$times" "$what"
        done
        sums+=("$(printf '%2d of %2d, %4d s at most  %s%s' "$passed" "$times" "$slowest" "${test#cluster::}" "$what")")
    done
}
[ "$times" -eq 0 ] || row '' "$times" "${usual[@]}"
[ -z "$soak" ] || CUPEL_SOAK=1 row ', 10,000 submissions' 1 "${all[@]}"
printf '\npassed:\n' && printf '%s\n' "${sums[@]}"
echo "$(((SECONDS - began) / 60)) min $(((SECONDS - began) % 60)) s; the output of failed tests is in $logs"
exit "$failed"
