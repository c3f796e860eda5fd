#!/usr/bin/env bash
# Builds the images of deploy/compose and deploy/kubernetes from Debian packages and a compiled `cupel`, without a registry.
#
#   deploy/images/make.sh [TARGET...]       default: api worker gateway postgres redis rabbitmq
#
# Environment variables:
#   CUPEL      the binary; default: target/dist/cupel (make build)
#   LANGUAGES  the worker's languages: ids, `core` (the default) or `all`
#   TANSU      for the target `kafka`: the broker's binary; default: the one that `scripts/build-tansu.sh` builds
#   TAG        the tag of the images; default: latest
#   DOCKER     the client, with its options; default: docker
#   MIRROR     the Debian mirror: a URL or a sources file; default: Debian's servers
#   APT_CONF   a file of settings for apt in the images, such as a proxy
#   BUILD_NET  the network for build steps; default: Docker's default
#   REFRESH    1: build the base image and all layers anew, so that the images have Debian's current security updates
set -euo pipefail
cd "$(dirname "$0")/../.."

cupel=${CUPEL:-target/dist/cupel} tag=${TAG:-latest}
# BuildKit skips the stages that a target does not need, here the stage that compiles Cupel.
export DOCKER_BUILDKIT=1
read -ra docker <<<"${DOCKER:-docker}"
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(api worker gateway postgres redis rabbitmq)

if ! [ -x "$cupel" ]; then
    echo "error: $cupel does not exist. Run \`make build\`, or set CUPEL to another binary." >&2
    exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

import() { # IMAGE FILE...: creates an image with these files in /out
    local image=$1
    shift
    mkdir -p "$work/$image/out"
    install "$@" "$work/$image/out"
    # Function symbols are kept, because backtraces use them.
    strip --strip-debug "$work/$image/out"/*
    tar --create --owner=0 --group=0 --directory="$work/$image" out | "${docker[@]}" import - "$image" >/dev/null
}

build() { # DOCKERFILE TARGET ARGUMENT...
    local dockerfile=$1 target=$2
    shift 2
    echo "== cupel-$target"
    "${docker[@]}" build --quiet ${REFRESH:+--no-cache} ${BUILD_NET:+--network "$BUILD_NET"} --file "$dockerfile" --target "$target" \
        --build-arg BASE=cupel-base "$@" --tag "cupel-$target:$tag" .
}

# The base image: Debian's required packages and apt.
if [ -n "${REFRESH:-}" ] || ! "${docker[@]}" image inspect cupel-base >/dev/null 2>&1; then
    echo "== cupel-base: Debian 12"
    options=(--variant=minbase --quiet)
    [ -z "${APT_CONF:-}" ] || options+=("--aptopt=$APT_CONF")
    # Leave out files that no program needs at run time: documentation, translations, and apt's caches.
    for unneeded in doc man locale; do
        options+=("--dpkgopt=path-exclude=/usr/share/$unneeded/*")
    done
    options+=('--aptopt=Dir::Cache::pkgcache ""' '--aptopt=Dir::Cache::srcpkgcache ""')
    mmdebstrap "${options[@]}" \
        bookworm "$work/base.tar" ${MIRROR:+"$MIRROR"}
    "${docker[@]}" import --change 'CMD ["/bin/bash"]' "$work/base.tar" cupel-base >/dev/null
fi

has_binary=
for target in "${targets[@]}"; do
    case $target in
        api | worker)
            # Each run imports the binary, which may have changed since the last one.
            [ -n "$has_binary" ] || import cupel-binary "$cupel"
            has_binary=yes
            build deploy/Dockerfile "$target" --build-arg BINARY=cupel-binary --build-arg LANGUAGES="${LANGUAGES:-core}"
            ;;
        kafka)
            import cupel-tansu "${TANSU:-/usr/local/lib/cupel/bin/tansu}"
            build deploy/images/services.Dockerfile kafka --build-arg KAFKA=cupel-tansu
            ;;
        gateway | postgres | redis | rabbitmq) build deploy/images/services.Dockerfile "$target" ;;
        *)
            echo "error: unknown image \`$target\`; the images are: api, worker, gateway, postgres, redis, rabbitmq, kafka" >&2
            exit 2
            ;;
    esac
done
"${docker[@]}" image ls --filter 'reference=cupel-*' --format '{{.Repository}}:{{.Tag}} {{.Size}}'
