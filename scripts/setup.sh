#!/usr/bin/env bash
# Installs the Debian packages that a group of tasks needs and this machine lacks. The group `servers` also installs moto from PyPI. The
# tests of Kafka's protocol need scripts/build-tansu.sh as well.
#
#   scripts/setup.sh GROUP...     groups: build, public, lint, peers, docker, cgroup2, servers, deploy, compose, openapi, web
#
# Prints the packages that it is about to install. If nothing is missing, prints nothing and takes a fraction of a
# second. Never upgrades an installed package. Language toolchains are installed by `cupel languages install`.
set -euo pipefail
cd "$(dirname "$0")/.."

# gcc and libc6-dev: the linker, SQLite's C source, and the hostile programs of the sandbox's tests.
# make and g++: Kafka's client library, librdkafka, whose `configure` also looks for a C++ compiler.
# curl and ca-certificates: `make run` polls the server with curl; crates and packages are downloaded over TLS.
# procps and util-linux: `ps` and `unshare`, with which tests inspect a process tree from outside.
# uidmap: `newuidmap`, which maps subordinate ids for the lanes of an unprivileged user's launcher.
# python3: scripts/run-tests, which `make test` and `make test-sandbox` call.
packages_build=(python3 gcc g++ libc6-dev make pkg-config ca-certificates curl procps util-linux uidmap)
# pip downloads third-party packages and checktestdata; third-party test vectors are YAML. Notebooks (SandboxFusion's facade) need IPython.
packages_public=(python3 python3-pip python3-yaml python3-ipython)
packages_lint=(shellcheck)
# The tools that `make bench-sandbox` compares Cupel with. Docker is a separate group, because it installs a service.
packages_peers=(gcc libc6-dev bubblewrap runc crun)
packages_docker=(docker.io tar)
# For the virtual machine of `make test-cgroup2`: creates its disk and decompresses its kernel modules. scripts/cgroup2/run-in-guest
# downloads the emulator itself, without installing it.
packages_cgroup2=(e2fsprogs xz-utils)
# The servers that tests start on loopback; they are not started as services of this machine. Python is for moto, which speaks S3's
# protocol; iproute2 and nftables connect and disconnect a worker's network; the compilers build tansu.
packages_servers=(postgresql redis-server rabbitmq-server docker-registry openssl python3 python3-pip iproute2 nftables gcc g++ libc6-dev make)
moto=5.2.5 moto_folder=/usr/local/lib/cupel/moto
# The tools that check deploy/: manifests, compose file, systemd units, firewall rules.
packages_deploy=(docker-compose systemd nftables openssl python3 python3-pip python3-yaml)
# An installed kubectl from another source conflicts with Debian's package.
command -v kubectl >/dev/null || packages_deploy+=(kubernetes-client)
# For `make test-compose`: a separate Docker Engine, and images built from Debian packages.
packages_compose=(docker.io docker-compose mmdebstrap iptables nftables iproute2 openssl jq curl)
# For the clients that are generated from the OpenAPI document; their generators come from PyPI and npm (scripts/test-openapi.sh).
packages_openapi=(python3 python3-pip)
# An installed Node.js is kept, with its npm.
command -v npm >/dev/null || packages_openapi+=(nodejs npm)

# For the tests of the site. Its build needs a newer Node.js than Debian 12 has; without one, scripts/build-site.sh
# prints a message.
packages_web=(chromium-headless-shell)

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
        web) wanted+=("${packages_web[@]}") ;;
        *)
            echo "error: unknown group \`$group\`; the groups are: build, public, lint, peers, docker, cgroup2, servers, deploy, compose, openapi, web" >&2
            exit 2
            ;;
    esac
done

if ! command -v cargo >/dev/null; then
    echo "error: \`cargo\` is not in PATH. Install the Rust toolchain (https://rustup.rs), then try again." >&2
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
    # Debian starts a service when it installs its package, unless policy-rc.d exits with 101 (forbidden). Only tests start these servers.
    if [ -n "$servers" ] && ! [ -e /usr/sbin/policy-rc.d ]; then
        policy=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | scripts/as-root tee "$policy" >/dev/null
        scripts/as-root chmod 755 "$policy"
    fi
    # The package lists may be missing or outdated, as on a new machine: fetch them once, then try again.
    if ! scripts/as-root "${install[@]}" </dev/null >"$log" 2>&1; then
        echo "  fetching the package lists first (apt-get update)"
        scripts/as-root apt-get update --quiet=2 </dev/null >>"$log" 2>&1 || true
        if ! scripts/as-root "${install[@]}" </dev/null >>"$log" 2>&1; then
            tail -n 20 "$log" >&2
            echo "error: apt-get could not install: ${missing[*]}" >&2
            echo "       Install them manually, then try again." >&2
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
