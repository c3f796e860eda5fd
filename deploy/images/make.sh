#!/usr/bin/env bash
# Makes the images of deploy/compose and deploy/kubernetes out of Debian's packages and a built `cupel`, without a registry.
#
#   deploy/images/make.sh [TARGET...]       default: api worker gateway postgres redis rabbitmq
#
# What is taken from the environment:
#   CUPEL      the binary; default target/release/cupel (cargo build --release --package cupel)
#   LANGUAGES  what the worker has: ids, `core` (the default) or `all`
#   TANSU      for the target `kafka`: the broker's binary; default: that of `scripts/setup.sh servers`
#   TAG        default: latest
#   DOCKER     the client, with its options; default: docker
#   MIRROR     where Debian comes from: a URL or a file of sources; default: Debian's own servers
#   APT_CONF   a file of settings for apt in the images, such as a proxy
#   BUILD_NET  the network of what is run while an image is built; default: docker's own choice
set -euo pipefail
cd "$(dirname "$0")/../.."

cupel=${CUPEL:-target/release/cupel} tag=${TAG:-latest}
# The newer builder leaves out the stages that a target does not need: here the one that compiles.
export DOCKER_BUILDKIT=1
read -ra docker <<<"${DOCKER:-docker}"
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(api worker gateway postgres redis rabbitmq)

if ! [ -x "$cupel" ]; then
    echo "error: there is no $cupel: cargo build --release --package cupel, or name another with CUPEL=" >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

import() { # IMAGE FILE...: an image that holds these files in /out
    local image=$1
    shift
    mkdir -p "$work/$image/out"
    install --strip "$@" "$work/$image/out"
    tar --create --owner=0 --group=0 --directory="$work/$image" out | "${docker[@]}" import - "$image" >/dev/null
}

build() { # DOCKERFILE TARGET ARGUMENT...
    local dockerfile=$1 target=$2
    shift 2
    echo "== cupel-$target"
    "${docker[@]}" build --quiet ${BUILD_NET:+--network "$BUILD_NET"} --file "$dockerfile" --target "$target" \
        --build-arg BASE=cupel-base "$@" --tag "cupel-$target:$tag" .
}

# The base: Debian's required packages and apt.
if ! "${docker[@]}" image inspect cupel-base >/dev/null 2>&1; then
    echo "== cupel-base: Debian 12"
    options=(--variant=minbase --quiet)
    [ -z "${APT_CONF:-}" ] || options+=("--aptopt=$APT_CONF")
    # What no program needs at run time: documentation, translations, and apt's own caches.
    for unneeded in doc man locale; do
        options+=("--dpkgopt=path-exclude=/usr/share/$unneeded/*")
    done
    options+=('--aptopt=Dir::Cache::pkgcache ""' '--aptopt=Dir::Cache::srcpkgcache ""')
    mmdebstrap "${options[@]}" \
        bookworm "$work/base.tar" ${MIRROR:+"$MIRROR"}
    "${docker[@]}" import --change 'CMD ["/bin/bash"]' "$work/base.tar" cupel-base >/dev/null
fi

for target in "${targets[@]}"; do
    case $target in
        api | worker)
            "${docker[@]}" image inspect cupel-binary >/dev/null 2>&1 || import cupel-binary "$cupel"
            build deploy/Dockerfile "$target" --build-arg BINARY=cupel-binary --build-arg LANGUAGES="${LANGUAGES:-core}"
            ;;
        kafka)
            import cupel-tansu "${TANSU:-/usr/local/lib/cupel/bin/tansu}"
            build deploy/images/services.Dockerfile kafka --build-arg KAFKA=cupel-tansu
            ;;
        gateway | postgres | redis | rabbitmq) build deploy/images/services.Dockerfile "$target" ;;
        *)
            echo "error: no image \`$target\`; there are: api, worker, gateway, postgres, redis, rabbitmq, kafka" >&2
            exit 2
            ;;
    esac
done
"${docker[@]}" image ls --filter 'reference=cupel-*' --format '{{.Repository}}:{{.Tag}} {{.Size}}'
