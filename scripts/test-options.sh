# shellcheck shell=bash
# Options of builds for tests and lints. Sourced by scripts/test.sh and scripts/lint.sh.

# librdkafka is built without optimization and debug information, which takes less than a fourth of the time. GNU make, with which only
# librdkafka is built, reads this variable; the value replaces that of .cargo/config.toml.
export GNUMAKEFLAGS='LIBSUBDIRS=src CFLAGS=-g0\ -O0'
