# One line per target: what it is for. Anything longer than a line or two lives in scripts/.
# Set-up happens by itself: `make run` and `make test` say what they install before they install it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test check lint fmt test-sandbox test-cgroup2 test-compose soak bench bench-sandbox doctor docs deny languages clean-data

# Where `make run` listens and keeps its data; override on the command line, as in `make run PORT=9000`.
PORT   ?= 8080
LISTEN ?= 127.0.0.1:$(PORT)
DATA   ?= data
export LISTEN DATA

help: ## show this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what building and testing need (Debian packages), saying which first
	@scripts/setup.sh build lint

run: ## set up, build, prove it with real programs, then serve (LISTEN=127.0.0.1:8080 PORT=8080 DATA=data)
	@scripts/run.sh

test: ## everything: set-up, all languages, all tests, the hostile programs, every language's samples
	@scripts/test.sh

check: ## the fast part: format, lints with warnings denied, unit tests
	@scripts/setup.sh build
	@scripts/lint.sh
	cargo test --workspace --lib --bins --quiet

lint: ## format check, clippy with warnings denied, shellcheck where it is installed
	@scripts/lint.sh

fmt: ## format all Rust code
	cargo fmt --all

test-sandbox: ## only the sandbox: limits, isolation, hostile programs, accounting (needs root or sudo)
	@scripts/setup.sh build
	@scripts/test.sh sandbox

test-cgroup2: ## the sandbox suite on control groups version 2, in an emulated machine (ONLY="name..." for some of it)
	@scripts/test-cgroup2.sh $(ONLY)

test-compose: ## run deploy/compose for real, in a Docker Engine and a network of its own, ended afterwards (ENGINE=redis)
	@scripts/setup.sh build compose
	@scripts/test-compose.sh $(ENGINE)

soak: ## the faults of a cluster COUNT=10 times in a row, then on every broker with 10,000 submissions: hours (ONLY="name...")
	@scripts/faults.sh --times $(or $(COUNT),10) --soak $(ONLY)

bench: ## measure against the bare program; tables here, JSON in bench/results/
	@scripts/setup.sh build servers
	@scripts/bench.sh

bench-sandbox: ## Cupel beside bubblewrap, crun, runc, docker, and its targets (DOCKER=1 installs docker; ARGS=--quick)
	@scripts/setup.sh build peers $(if $(DOCKER),docker)
	@scripts/bench.sh peers $(ARGS)

doctor: ## can this machine isolate? attacks every wall and tells the remedy
	@scripts/setup.sh build
	@cargo build --release --package cupel --quiet
	@scripts/as-root target/release/cupel doctor

docs: ## build the API documentation of every crate, warnings denied
	RUSTDOCFLAGS='--deny warnings' cargo doc --workspace --no-deps

deny: ## dependency policy: licences, duplicates, advisories where their database can be had
	@scripts/deny.sh

languages: ## list the languages, with the versions found on this machine
	@scripts/setup.sh build
	@cargo build --release --package cupel --quiet
	@scripts/as-root target/release/cupel languages

clean-data: ## remove the data folder of `make run` (DATA=data): users, submissions, results
	@# The server's own user has it, unless root was told otherwise.
	@rm -rf -- '$(DATA)' 2>/dev/null || scripts/as-root rm -rf -- '$(DATA)'
