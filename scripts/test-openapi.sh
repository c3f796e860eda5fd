#!/usr/bin/env bash
# Holds the API to its OpenAPI document, with tools that others wrote: part of `make test`, about half a minute.
#
#   scripts/test-openapi.sh [PATH-TO-CUPEL]      target/debug/cupel unless another one is named
#
# A server on loopback is called by
# - a Python client that openapi-python-client generates, which runs a program and reads its result,
# - schemathesis, which sends what the document allows to every operation, with a fixed seed: no answer is a 5xx, every answer has the
#   content type and the schema of the document, and nothing is refused that the document allows, but where no schema can say it.
# Types that openapi-typescript generates are compiled with a program that uses them.
set -euo pipefail
cd "$(dirname "$0")/.."
cupel=${1:-target/debug/cupel}

scripts/setup.sh build openapi
tools=/usr/local/lib/cupel/openapi
schemathesis=4.32.5 python_client=0.29.1 typescript_types=7.13.0 typescript=5.9.3
if ! [ -d "$tools/schemathesis-$schemathesis.dist-info" ] || ! [ -d "$tools/openapi_python_client-$python_client.dist-info" ]; then
    echo "Installing from PyPI into $tools: schemathesis $schemathesis, openapi-python-client $python_client"
    scripts/again scripts/as-root /usr/bin/python3 -m pip --quiet --disable-pip-version-check install --upgrade --root-user-action ignore \
        --target "$tools" "schemathesis==$schemathesis" "openapi-python-client==$python_client"
fi
if ! [ -d "$tools/node-$typescript_types-$typescript" ]; then
    echo "Installing from npm into $tools: openapi-typescript $typescript_types, typescript $typescript"
    scripts/again scripts/as-root npm install --silent --no-audit --no-fund --prefix "$tools/node-$typescript_types-$typescript" \
        "openapi-typescript@$typescript_types" "typescript@$typescript"
fi
node=$tools/node-$typescript_types-$typescript/node_modules/.bin
export PYTHONPATH=$tools:$PWD/scripts/openapi PATH=$tools/bin:$PATH PYTHONDONTWRITEBYTECODE=1

work=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || scripts/as-root kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    scripts/as-root rm -rf "$work"
}
trap stop EXIT

echo "== types for TypeScript"
"$cupel" openapi >"$work/openapi.json"
"$node/openapi-typescript" "$work/openapi.json" --output "$work/api.d.ts" >"$work/types.log" 2>&1 || { cat "$work/types.log" >&2; exit 1; }
cp scripts/openapi/client.ts "$work/"
"$node/tsc" --noEmit --strict --target es2022 --module es2022 --moduleResolution bundler "$work/client.ts"

echo "== client for Python"
/usr/bin/python3 "$tools/bin/openapi-python-client" generate --path "$work/openapi.json" --config scripts/openapi/client.yaml --meta none \
    --output-path "$work/cupel_client" --fail-on-warning >"$work/client.log" 2>&1 || { cat "$work/client.log" >&2; exit 1; }

mkdir "$work/data"
touch "$work/told"
# What schemathesis sends is much, and nobody's to slow down.
settings=(CUPEL_LANGUAGES__PREPARE=false CUPEL_PROBLEMS__SHIPPED=false CUPEL_RATE_LIMITS__REGISTRATIONS_PER_ADDRESS=1000000
    CUPEL_RATE_LIMITS__LOGINS_PER_ADDRESS=1000000 CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_PER_MINUTE=1000000
    CUPEL_RATE_LIMITS__TIERS__BASIC__SUBMISSIONS_BURST=100000 CUPEL_RATE_LIMITS__TIERS__BASIC__READS_PER_MINUTE=1000000
    CUPEL_RATE_LIMITS__TIERS__BASIC__READS_BURST=100000 CUPEL_WORKER__RUN_TIME_MAX=5s)
scripts/as-root env "${settings[@]}" "$cupel" serve --listen 127.0.0.1:0 --data "$work/data" >"$work/told" 2>"$work/serve.log" &
server=$!
until grep --quiet "Try next" "$work/told"; do
    kill -0 "$server" 2>/dev/null || { cat "$work/told" "$work/serve.log" >&2; exit 1; }
    sleep 0.1
done
url=$(grep --only-matching --max-count 1 'http://127[.0-9:]*' "$work/told" | head -n 1)
key=$(grep --only-matching 'cup_[0-9A-Za-z_-]*' "$work/told" | head -n 1)
PYTHONPATH=$PYTHONPATH:$work /usr/bin/python3 scripts/openapi/client.py "$url" "$key"

# What the document allows goes to all operations that are named, with these checks.
allowed() {
    local checks=$1
    shift
    # It leaves a folder where it runs. A stream does not end; whoever logs out, removes a key or changes users' roles takes the key of this test along.
    (cd "$work" && SCHEMATHESIS_HOOKS=hooks /usr/bin/python3 "$tools/bin/schemathesis" run "$url/openapi.json" --header "Authorization: Bearer $key" \
        --phases fuzzing --mode positive --max-examples "${EXAMPLES:-10}" --seed 16 --generation-database none --no-shrink \
        --continue-on-failure --request-timeout 40 --suppress-health-check all --warnings off \
        --exclude-path-regex '(/events|/auth/logout|/auth/keys/[^/]*|/admin/users/[^/]*)$' \
        --checks "$checks" "$@") >"$work/schemathesis.log" || { cat "$work/schemathesis.log"; exit 1; }
    tail -n 2 "$work/schemathesis.log"
}
checks=not_a_server_error,response_schema_conformance,content_type_conformance

echo "== schemathesis: what the document allows is accepted"
# No schema says what an archive or a table is, which problems there are for a contest, or which passwords, links and codes are good.
beyond_schemas=(import_problem new_version create_contest import_users change_password reset_password delete_account register)
allowed "$checks,positive_data_acceptance" "${beyond_schemas[@]/#/--exclude-operation-id=}"

echo "== schemathesis: what no schema can say is answered well"
allowed "$checks" "${beyond_schemas[@]/#/--include-operation-id=}"
