#!/usr/bin/env bash
# The sandbox's own suite, and `cupel doctor`, on control groups version 2: in an emulated machine with a Debian kernel.
#
#   scripts/test-cgroup2.sh               every trial of crates/cupel-sandbox/tests/it
#   scripts/test-cgroup2.sh short         those that control groups decide; what `make test` runs
#   scripts/test-cgroup2.sh NAME...       trials whose names contain one of these
#
# Emulation slows everything down, so the trials wait CUPEL_TEST_SLOWNESS times as long (the sandbox itself knows
# nothing of that). CUPEL_CGROUP2_SECONDS is how long the machine may take in all.
set -euo pipefail
cd "$(dirname "$0")/.."

# Limits, accounting and cleaning up are what version 2 does differently; of the hostile programs, those that
# only control groups stop.
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

if [ "${1:-}" = short ]; then
    if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
        echo "== control groups version 2: this machine has them, and the suite has run on it: nothing to emulate"
        exit
    elif [ "$(uname -m)" != x86_64 ]; then
        echo "== control groups version 2: NOT TESTED, the emulated machine is made for x86_64 only so far"
        exit
    fi
fi

started=$SECONDS
scripts/setup.sh build cgroup2
suite=$(cargo test --package cupel-sandbox --test it --no-run --quiet --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
# The programs that trials run are compiled here, once, and not in there, every time. As root: one of them is set-uid.
case $only in '' | *truth*) with=truth ;; *) with='' ;; esac
fixtures=$(scripts/as-root "$suite" __make-fixtures $with)
cupel=${CARGO_TARGET_DIR:-target}/debug/cupel

echo "== control groups version 2: $what, emulated (at most $seconds s)"
status=0
# In there. The fixtures are taken over to the machine's own disk, since reading a large file is one of the attacks; the
# suite, too, so that it may be built again here meanwhile.
# shellcheck disable=SC2016 # expanded in there
CUPEL_TEST_ONLY=$only CUPEL_TEST_SLOWNESS=${CUPEL_TEST_SLOWNESS:-20} RUST_BACKTRACE=0 \
    scripts/cgroup2/run-in-guest --seconds "$seconds" -- bash -c '
        suite=$1 fixtures=$2 cupel=$3
        cp --archive --sparse=always "$fixtures" "$fixtures.new" && rm -r "$fixtures" && mv "$fixtures.new" "$fixtures"
        cp "$suite" /var/tmp/suite
        uname --kernel-release
        status=0
        if [ -x "$cupel" ]; then "$cupel" doctor || status=1; fi
        /var/tmp/suite || status=1
        exit $status' - "$suite" "$fixtures" "$(realpath --canonicalize-missing "$cupel")" || status=$?
echo "== control groups version 2: status $status after $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
exit "$status"
