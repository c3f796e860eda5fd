#!/usr/bin/env bash
# Installs the Debian packages that a group of tasks needs, and only those that are missing; for `servers` also moto, from PyPI,
# and tansu, from crates.io: a broker of Kafka's protocol, which is built once, in some minutes.
#
#   scripts/setup.sh GROUP...     groups: build, public, lint, peers, docker, cgroup2, servers, deploy, compose, openapi
#
# Says what it installs before it does. Says nothing and takes a fraction of a second when nothing is missing.
# Never upgrades what is there. Toolchains of the languages are not its business: see `cupel languages install`.
set -euo pipefail
cd "$(dirname "$0")/.."

# gcc and libc6-dev: the linker, SQLite's C source, and the hostile programs of the sandbox's tests.
# g++ and make: Kafka's client library, librdkafka, with a part in C++ that is built along.
# curl and ca-certificates: `make run` waits for the server with curl; crates and packages come over TLS.
# procps and util-linux: `ps` and `unshare`, which tests use to look at a process tree from outside.
# uidmap: `newuidmap`, by which an ordinary user's launcher gets ids for its lanes.
packages_build=(gcc g++ libc6-dev make pkg-config ca-certificates curl procps util-linux uidmap)
# Packages of others, and checktestdata, are downloaded by pip; vectors of others are YAML.
packages_public=(python3 python3-pip python3-yaml)
packages_lint=(shellcheck)
# What `make bench-sandbox` measures Cupel beside. An engine is only installed when asked for: it brings a service.
packages_peers=(gcc libc6-dev bubblewrap runc crun)
packages_docker=(docker.io tar)
# The emulated machine of `make test-cgroup2`: its disk, and how modules of its kernel are packed. The emulator itself is
# downloaded by scripts/cgroup2/run-in-guest and installed nowhere.
packages_cgroup2=(e2fsprogs xz-utils)
# What the tests start on loopback; as services of this machine they are not started. Python is for moto, which speaks S3's protocol;
# iproute2 and nftables lay and cut the cable of a worker; compilers are for building tansu.
packages_servers=(postgresql redis-server rabbitmq-server openssl python3 python3-pip iproute2 nftables gcc g++ libc6-dev make)
moto=5.2.5 moto_folder=/usr/local/lib/cupel/moto
tansu=0.6.0 tansu_folder=/usr/local/lib/cupel/bin
# What checks deploy/: manifests, compose file, units, firewall.
packages_deploy=(docker-compose systemd nftables openssl python3 python3-pip python3-yaml)
# Others' packages bring a kubectl, too, and get into the way of Debian's.
command -v kubectl >/dev/null || packages_deploy+=(kubernetes-client)
# What `make test-compose` runs it with: an engine of its own, and images made of Debian's packages.
packages_compose=(docker.io docker-compose mmdebstrap iptables nftables iproute2 openssl jq curl)
# What calls the API by its OpenAPI document; the tools themselves come from PyPI and npm (scripts/test-openapi.sh).
packages_openapi=(python3 python3-pip)
# An installed Node.js is kept, with its npm.
command -v npm >/dev/null || packages_openapi+=(nodejs npm)

wanted=() servers=''
for group in "$@"; do
    case $group in
        build) wanted+=("${packages_build[@]}") ;;
        public) wanted+=("${packages_public[@]}") ;;
        lint) wanted+=("${packages_lint[@]}") ;;
        peers) wanted+=("${packages_peers[@]}") ;;
        docker) wanted+=("${packages_docker[@]}") ;;
        cgroup2) wanted+=("${packages_cgroup2[@]}") ;;
        servers) wanted+=("${packages_servers[@]}") servers=yes ;;
        deploy) wanted+=("${packages_deploy[@]}") ;;
        compose) wanted+=("${packages_compose[@]}") ;;
        openapi) wanted+=("${packages_openapi[@]}") ;;
        *)
            echo "error: no group \`$group\`; there are: build, public, lint, peers, docker, cgroup2, servers, deploy, compose, openapi" >&2
            exit 2
            ;;
    esac
done

if ! command -v cargo >/dev/null; then
    echo "error: no \`cargo\` on the PATH. Install the Rust toolchain (https://rustup.rs), then try again." >&2
    exit 1
fi

missing=()
for package in "${wanted[@]}"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    echo "Installing Debian packages: ${missing[*]}"
    install=(env DEBIAN_FRONTEND=noninteractive apt-get --option DPkg::Lock::Timeout=300
        install --yes --quiet=2 --no-install-recommends --no-upgrade --no-remove "${missing[@]}")
    log=$(mktemp) policy=''
    trap 'rm -f "$log"; [ -z "$policy" ] || scripts/as-root rm -f "$policy"' EXIT
    # Debian starts what it installs, unless this program says no: a server of the tests is no service of this machine.
    if [ -n "$servers" ] && ! [ -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | scripts/as-root tee "$policy" >/dev/null
        scripts/as-root chmod 755 "$policy"
    fi
    # A machine made from an image may have no package lists, or old ones: fetch them once, then try again.
    if ! scripts/as-root "${install[@]}" </dev/null >"$log" 2>&1; then
        echo "  fetching the package lists first (apt-get update)"
        scripts/as-root apt-get update --quiet=2 </dev/null >>"$log" 2>&1 || true
        if ! scripts/as-root "${install[@]}" </dev/null >>"$log" 2>&1; then
            tail -n 20 "$log" >&2
            echo "error: apt-get could not install: ${missing[*]}" >&2
            echo "       Install them by hand, then try again." >&2
            exit 1
        fi
    fi
    echo "  done"
fi

if [ -n "$servers" ] && ! [ -d "$moto_folder/moto-$moto.dist-info" ]; then
    echo "Installing from PyPI into $moto_folder: moto $moto"
    scripts/again scripts/as-root /usr/bin/python3 -m pip --quiet --disable-pip-version-check install --upgrade \
        --root-user-action ignore --target "$moto_folder" "moto[s3]==$moto" flask==3.1.3 flask-cors==6.0.5
    echo "  done"
fi

if [ -n "$servers" ] && [ "$("$tansu_folder/tansu" --version 2>/dev/null)" != "tansu $tansu" ]; then
    echo "Building into $tansu_folder: tansu $tansu (some minutes)"
    # One that is interrupted goes on the next time.
    built=$PWD/target/tools/tansu
    # Not optimised, and with what `memory://` needs alone: that is quicker. The compiler is that of this folder.
    export CARGO_PROFILE_RELEASE_OPT_LEVEL=0
    if ! scripts/again cargo install --quiet --locked --root "$built" --target-dir "$built/build" \
        tansu --version "$tansu" --features dynostore; then
        echo "error: cargo could not install tansu $tansu, on which the tests of Kafka's queue run; why is told above." >&2
        echo "       Install it by hand as $tansu_folder/tansu, then try again." >&2
        exit 1
    fi
    scripts/as-root install -D --mode 755 --strip "$built/bin/tansu" "$tansu_folder/tansu"
    rm -rf "$built"
    echo "  done"
fi
