# The `##` comment of a target is its help text. Recipes longer than a line or two are in scripts/.
# No separate set-up step is needed: each target installs what it lacks and names it first.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build run test test-languages check lint fmt test-sandbox test-cgroup2 test-compose soak bench bench-sandbox doctor docs deny languages clean-data

# The address and the data folder of `make run`. Override them on the command line, as in `make run PORT=9000`.
PORT   ?= 8080
LISTEN ?= 127.0.0.1:$(PORT)
DATA   ?= data
export LISTEN DATA

help: ## show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install the Debian packages that building and linting need, and name them first
	@scripts/setup.sh build lint

build: ## build the release with every engine: target/dist/cupel, its debug information beside it
	@scripts/setup.sh build
	@scripts/build.sh

run: ## set up, build, serve, and run a smoke test (LISTEN=127.0.0.1:8080 PORT=8080 DATA=data)
	@scripts/run.sh

test: ## run everything: set-up, popular languages, all tests, the hostile programs, the languages' samples
	@scripts/test.sh

test-languages: ## install all languages and their libraries, and run their samples in the sandbox (about 4 GB of packages)
	@scripts/setup.sh build
	cargo build --package cupel --quiet
	scripts/again scripts/as-root target/debug/cupel languages install all --libraries
	scripts/as-root target/debug/cupel languages test

check: ## run the fast checks: format, lints with warnings denied, unit tests
	@scripts/setup.sh build
	@scripts/lint.sh
	cargo test --workspace --lib --bins --quiet

lint: ## check formatting, run clippy with warnings denied, and shellcheck if it is installed
	@scripts/lint.sh

fmt: ## format all Rust code
	cargo fmt --all

test-sandbox: ## run only the sandbox tests: limits, isolation, hostile programs, accounting (needs root or sudo)
	@scripts/setup.sh build
	@scripts/test.sh sandbox

test-cgroup2: ## run the sandbox tests on cgroup v2, in a virtual machine (ONLY="name..." selects tests)
	@scripts/test-cgroup2.sh $(ONLY)

test-compose: ## run deploy/compose in a temporary Docker Engine and network (ENGINE=redis)
	@scripts/setup.sh build compose
	@scripts/test-compose.sh $(ENGINE)

soak: ## run the cluster fault tests COUNT=10 times each, then every broker with 10,000 submissions; takes hours (ONLY="name...")
	@scripts/faults.sh --times $(or $(COUNT),10) --soak $(ONLY)

bench: ## measure Cupel's overhead over the bare program; prints tables, writes JSON to bench/results/
	@scripts/setup.sh build servers
	@scripts/build-tansu.sh
	@scripts/bench.sh

bench-sandbox: ## compare Cupel with bubblewrap, crun, runc, docker, and its targets (DOCKER=1 installs docker; ARGS=--quick)
	@scripts/setup.sh build peers $(if $(DOCKER),docker)
	@scripts/bench.sh peers $(ARGS)

doctor: ## test every protection of the sandbox on this machine, and print a remedy for each that is missing
	@scripts/setup.sh build
	@scripts/build.sh quick --quiet
	@scripts/as-root target/quick/cupel doctor

docs: ## build the API documentation of every crate, warnings denied
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps

deny: ## check the dependency policy: licences, duplicates, sources, and advisories if their database can be fetched
	@scripts/deny.sh

languages: ## list the languages, with the versions installed on this machine
	@scripts/setup.sh build
	@scripts/build.sh quick --quiet
	@scripts/as-root target/quick/cupel languages $(if $(CUPEL_CONFIG),,$(addprefix --config ,$(wildcard cupel.toml)))

clean-data: ## remove the data folder of `make run` (DATA=data): users, submissions, results
	@# The folder usually belongs to the server's user, so removing it may need root.
	@rm -rf -- '$(DATA)' 2>/dev/null || scripts/as-root rm -rf -- '$(DATA)'
