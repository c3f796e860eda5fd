#!/usr/bin/env bash
# Checks the facades with the published clients of the original services. Part of `make test`; takes about a minute.
#
#   scripts/test-facades.sh [PATH-TO-CUPEL]      default: target/debug/cupel
#
# The clients are unmodified and call a server on loopback; only their base URL is set:
# - SandboxFusion: the Python SDK `sandbox-fusion`, and requests of the form that verl sends.
# - Judge0: the official SDK `judge0`, `judge0-client` and `judge0api` from PyPI.
# - Jobe: the cases of its own test program, and requests of the form that Moodle's CodeRunner sends.
# - Piston: `aiopyston` and `piston_rspy` from PyPI, `piston-client` and `piston-api-client` from npm, a WebSocket client, and requests of the form
#   that open-r1 sends, to a second server with `facades.piston.strict = false`.
set -euo pipefail
cd "$(dirname "$0")/.."
cupel=${1:-target/debug/cupel}

scripts/setup.sh build public
tools=/usr/local/lib/cupel/facades
sandbox_fusion=0.3.7
if ! [ -d "$tools/sandbox_fusion-$sandbox_fusion.dist-info" ]; then
    echo "Installing from PyPI into $tools: sandbox-fusion $sandbox_fusion"
    scripts/again scripts/as-root /usr/bin/python3 -m pip --quiet --disable-pip-version-check install --upgrade --root-user-action ignore \
        --target "$tools" "sandbox-fusion==$sandbox_fusion"
fi
# Each client's dependencies may differ, so each client has a separate folder.
install() {
    local folder=$tools/$1
    shift
    [ "$(cat "$folder/.installed" 2>/dev/null)" = "$*" ] && return
    echo "Installing from PyPI into $folder: $*"
    scripts/again scripts/as-root /usr/bin/python3 -m pip --quiet --disable-pip-version-check install --upgrade --root-user-action ignore \
        --target "$folder" "$@"
    echo "$*" | scripts/as-root tee "$folder/.installed" >/dev/null
}
install piston aiopyston==1.2.1 piston_rspy==0.4.3 websockets==17.4 requests==2.34.2
# The SDK needs httpx, the other clients need httpx2 and requests.
install judge0 judge0==0.0.8
install judge0-others judge0-client==0.4.0 judge0api==0.1.20
npm_clients=(piston-client@1.0.2 piston-api-client@2.0.1)
if [ "$(cat "$tools/npm/.installed" 2>/dev/null)" != "${npm_clients[*]}" ]; then
    echo "Installing from npm into $tools/npm: ${npm_clients[*]}"
    scripts/as-root mkdir -p "$tools/npm"
    scripts/again scripts/as-root npm install --prefix "$tools/npm" --silent --no-audit --no-fund --ignore-scripts "${npm_clients[@]}"
    echo "${npm_clients[*]}" | scripts/as-root tee "$tools/npm/.installed" >/dev/null
fi
# The SDK would send requests for loopback to a proxy, too.
export PYTHONPATH=$tools PYTHONDONTWRITEBYTECODE=1 NO_PROXY=127.0.0.1 no_proxy=127.0.0.1

work=$(mktemp -d)
servers=()
stop() {
    for server in "${servers[@]}"; do
        scripts/as-root kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    done
    scripts/as-root rm -rf "$work"
}
trap stop EXIT

mkdir "$work/data" "$work/relaxed"
touch "$work/addresses" "$work/relaxed-addresses"
# The npm package `piston-client` sends JSON as text/plain. The receiver of a callback is on loopback. Judge0's limit of real time is 10 s, which
# the compilers of a busy machine exceed.
settings=(CUPEL_FACADES__PISTON__ANY_CONTENT_TYPE=true CUPEL_WEBHOOKS__ALLOW_PRIVATE=true CUPEL_LANGUAGES__PREPARE=false CUPEL_PROBLEMS__SHIPPED=false
    CUPEL_FACADES__JUDGE0__WALL_TIME_LIMIT=60 CUPEL_FACADES__JUDGE0__MAX_WALL_TIME_LIMIT=60)
# Starts a server. Arguments: its data directory, the file for its addresses, and its options.
start() {
    local data=$1 addresses=$2
    shift 2
    scripts/as-root env "${settings[@]}" "$cupel" serve --listen 127.0.0.1:0 "$@" --data "$data" >"$addresses" 2>>"$work/serve.log" &
    servers+=($!)
    until grep --quiet "Try next" "$addresses"; do
        kill -0 "$!" 2>/dev/null || { cat "$addresses" "$work/serve.log" >&2; exit 1; }
        sleep 0.1
    done
}
start "$work/data" "$work/addresses" --facade judge0=127.0.0.1:0 --facade piston=127.0.0.1:0
url=$(grep --only-matching --max-count 1 'http://127[.0-9:]*' "$work/addresses" | head -n 1)

echo "== SandboxFusion's SDK for Python"
scripts/as-root "$cupel" languages --data "$work/data" --json >"$work/languages.json"
/usr/bin/python3 scripts/facades/sandboxfusion.py "$url/sandboxfusion" "$work/languages.json" ||
    { grep --invert-match '"level":"INFO"' "$work/serve.log" | tail -n 20 >&2; exit 1; }

echo "== Piston's clients"
# A running server offers a language from an image some seconds after these two commands.
mkdir "$work/course"
/usr/bin/python3 scripts/facades/course_image.py "$work/course"
scripts/as-root "$cupel" images add course/python:2026 "$work/course/image" --data "$work/data"
scripts/as-root "$cupel" languages add "$work/course/python-course.toml" --data "$work/data"
piston=$(sed --quiet 's/^piston: also at //p' "$work/addresses")
# The requests of open-r1 need longer times and larger bodies than Piston's defaults.
settings+=(CUPEL_FACADES__PISTON__STRICT=false)
start "$work/relaxed" "$work/relaxed-addresses" --facade piston=127.0.0.1:0
relaxed=$(sed --quiet 's/^piston: also at //p' "$work/relaxed-addresses")
PYTHONPATH=$tools/piston /usr/bin/python3 scripts/facades/piston.py "$piston" "$work/languages.json" "$relaxed" ||
    { grep --invert-match '"level":"INFO"' "$work/serve.log" | tail -n 20 >&2; exit 1; }
checks=$PWD/scripts/facades/piston.mjs
(cd "$tools/npm" && node "$checks" "$piston")

echo "== Judge0's clients"
judge0=$(sed --quiet 's/^judge0: also at //p' "$work/addresses")
PYTHONPATH=$tools/judge0 /usr/bin/python3 scripts/facades/judge0_clients.py "$judge0" "$tools/judge0-others" ||
    { grep --invert-match '"level":"INFO"' "$work/serve.log" | tail -n 20 >&2; exit 1; }

echo "== Jobe's clients"
/usr/bin/python3 scripts/facades/jobe_clients.py "$url" ||
    { grep --invert-match '"level":"INFO"' "$work/serve.log" | tail -n 20 >&2; exit 1; }
