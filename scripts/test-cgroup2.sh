#!/usr/bin/env bash
# Runs the sandbox's test suite and `cupel doctor` on cgroup v2, in a virtual machine with a Debian kernel.
#
#   scripts/test-cgroup2.sh               every trial of crates/cupel-sandbox/tests/it
#   scripts/test-cgroup2.sh short         the trials that depend on the cgroup version; part of `make test`
#   scripts/test-cgroup2.sh NAME...       the trials whose names contain one of these
#   scripts/test-cgroup2.sh prepare       only downloads what `short` needs
#
# Software emulation is slow, so trials wait CUPEL_TEST_SLOWNESS times as long; the sandbox's own limits do not change.
# CUPEL_CGROUP2_SECONDS is the time limit of the whole run. With CI=true, at most two failed trials are run once more; those that then
# pass are reported as flaky, as in scripts/run-tests.
set -euo pipefail
cd "$(dirname "$0")/.."

# Version 2 differs in limits, accounting and cleanup. The `hostile` trials listed are those that only control groups stop.
short=(cgroup2:: limits:: accounting:: cleanup::
    hostile::fork_bomb hostile::thread_bomb hostile::daemons
    hostile::malloc_bomb hostile::mmap_shared_bomb hostile::memfd_bomb hostile::memory_of_children
    doctor::names_the_wall_that_is_off::memory doctor::names_the_wall_that_is_off::process)

case ${1:-} in
    '') only='' seconds=14400 what="the whole suite" ;;
    short) only="${short[*]}" seconds=3600 what="a selection" ;;
    *) only="$*" seconds=3600 what="trials named $*" ;;
esac
seconds=${CUPEL_CGROUP2_SECONDS:-$seconds}

if [ "${1:-}" = prepare ]; then
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] && [ "$(uname -m)" = x86_64 ] || exit 0
    scripts/setup.sh cgroup2
    exec scripts/cgroup2/run-in-guest --prepare
elif [ "${1:-}" = short ]; then
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo "== cgroup v2: this machine uses it, so the suite has already run on it"
        exit
    elif [ "$(uname -m)" != x86_64 ]; then
        echo "== cgroup v2: NOT TESTED, because the virtual machine supports x86_64 only and this machine is $(uname -m)"
        exit
    fi
fi

started=$SECONDS
scripts/setup.sh build cgroup2
# `make test` has built all packages together. Alone, the package has other features of its dependencies, which cargo would build again.
selection=(--package cupel-sandbox --test it)
[ "${1:-}" != short ] || selection=(--workspace --tests)
suite=$(cargo test "${selection[@]}" --no-run --quiet --message-format=json |
    sed -n '/cupel-sandbox#/s/.*"kind":\["test"\].*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
# Compile the trials' test programs once, on the host and not in the slow guest. As root, because one of them is set-uid.
case $only in '' | *truth*) with=truth ;; *) with='' ;; esac
fixtures=$(scripts/as-root "$suite" __make-fixtures $with)
cupel=${CARGO_TARGET_DIR:-target}/debug/cupel

echo "== cgroup v2: $what, in a virtual machine (at most $seconds s)"
status=0
# The guest copies two things to its own disk: the fixtures, because reading a large file is one of the attacks, and the suite,
# so that the host can rebuild the suite in the meantime.
# shellcheck disable=SC2016 # expanded in the guest
CUPEL_TEST_ONLY=$only CUPEL_TEST_SLOWNESS=${CUPEL_TEST_SLOWNESS:-20} CUPEL_CI=${CI:-} RUST_BACKTRACE=0 \
    scripts/cgroup2/run-in-guest --seconds "$seconds" -- bash -c '
        suite=$1 fixtures=$2 cupel=$3
        cp --archive --sparse=always "$fixtures" "$fixtures.new" && rm -r "$fixtures" && mv "$fixtures.new" "$fixtures"
        cp "$suite" /var/tmp/suite
        uname --kernel-release
        status=0
        if [ -x "$cupel" ]; then "$cupel" doctor || status=1; fi
        set -o pipefail
        if ! /var/tmp/suite | tee /var/tmp/output; then
            # The names are the indented lines of the last section "failures:".
            failed=$(sed -n "s/^    \([^ ]*\)$/\1/p" /var/tmp/output | sort --unique)
            count=$(wc --words <<<"$failed")
            if [ "$CUPEL_CI" = true ] && [ "$count" -ge 1 ] && [ "$count" -le 2 ]; then
                echo "== cgroup v2: once more:" $failed
                if CUPEL_TEST_ONLY="$(echo $failed)" /var/tmp/suite; then
                    echo "flaky on cgroup v2:" $failed
                else
                    status=1
                fi
            else
                status=1
            fi
        fi
        exit $status' - "$suite" "$fixtures" "$(realpath --canonicalize-missing "$cupel")" || status=$?
echo "== cgroup v2: status $status after $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
exit "$status"
