#!/usr/bin/env bash
# Runs deploy/compose in a separate Docker Engine and network namespace, with images built here from Debian packages (no registry is
# needed), and a client on "another machine" that reaches only the gateway.
#
#   scripts/test-compose.sh [ENGINE]     postgres (the default), redis, rabbitmq or kafka; see deploy/compose/configure.sh
#
# CUPEL is the binary under test (default: target/dist/cupel, built if missing); LANGUAGES are the workers' languages (default: c
# and python). Images are kept in target/compose, so that a second run is faster. Everything else is removed when this script exits,
# even after a failure: the engine, its containers, networks and firewall rules.
set -euo pipefail
cd "$(dirname "$0")/.."

engine=${1:-postgres}
[ "$(id -u)" -eq 0 ] || exec scripts/as-root "$0" "$@"
# Use Debian's client and engine, even if others are installed.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
cupel=${CUPEL:-$PWD/target/dist/cupel}
home=${COMPOSE_HOME:-$PWD/target/compose}
group=cupel-compose-$$
work=$(mktemp -d)
listener='' missing=''
export DOCKER_HOST=unix://$work/docker.sock COMPOSE_PROJECT_NAME=cupel-test
daemon='' outside='' is_up=''

say() { printf '== %s\n' "$*"; }
fail() {
    echo "error: $*" >&2
    if [ -n "$is_up" ]; then
        docker ps --all --format 'table {{.Names}}\t{{.Status}}' >&2
        compose logs --tail=15 --no-color >&2 || true
    fi
    exit 1
}

compose() { (cd "$work/compose" && docker-compose "$@"); }

start_engine() { # WRAPPER... -- OPTION...: starts the daemon through the command WRAPPER, with these options
    local wrapper=()
    while [ "$1" != -- ]; do
        wrapper+=("$1")
        shift
    done
    shift
    # The daemon gets SIGTERM even if this script is killed.
    setpriv --pdeathsig TERM "${wrapper[@]}" dockerd --data-root "$home/data" --exec-root "$work/exec" --pidfile "$work/docker.pid" \
        --host "$DOCKER_HOST" --cgroup-parent "/$group" --exec-opt native.cgroupdriver=cgroupfs "$@" >"$work/dockerd.log" 2>&1 &
    daemon=$!
    local patience=$((SECONDS + 60))
    until docker version >/dev/null 2>&1; do
        if ! kill -0 "$daemon" 2>/dev/null || [ "$SECONDS" -gt "$patience" ]; then
            tail -n 5 "$work/dockerd.log" >&2
            fail "the Docker Engine does not answer; the end of its log is above"
        fi
        sleep 0.2
    done
}

stop_engine() {
    [ -n "$daemon" ] || return 0
    kill -TERM "$daemon" 2>/dev/null || true
    wait "$daemon" 2>/dev/null || true
    daemon=
}

clean_up() {
    set +e
    [ -z "$is_up" ] || compose down --volumes --timeout 5 >/dev/null 2>&1
    stop_engine
    [ -z "$outside" ] || kill "$outside" "$listener" 2>/dev/null
    # The engine leaves an empty control group in each hierarchy.
    for left in /sys/fs/cgroup/"$group" /sys/fs/cgroup/*/"$group"; do
        [ ! -d "$left" ] || find "$left" -depth -type d -exec rmdir {} \;
    done
    rm -rf "$work"
}
trap clean_up EXIT

[ -x "$cupel" ] || { say build && scripts/build.sh; }
mkdir -p "$home"

say "images"
# Image builds use this machine's network to fetch packages; the engine changes no firewall rules.
start_engine -- --bridge=none --iptables=false --ip6tables=false
# The binary may have changed since the last run.
docker image rm --force cupel-binary >/dev/null 2>&1 || true
services=(gateway postgres)
[ "$engine" = postgres ] || services+=("$engine")
sources=/etc/apt/sources.list.d/debian.sources
[ -z "${MIRROR:-}" ] && [ -f "$sources" ] && export MIRROR=$sources
settings=$work/apt.conf
apt-config dump | grep -E '^Acquire::(http|https|Check-)' >"$settings" || true
CUPEL=$cupel LANGUAGES=${LANGUAGES:-c python} BUILD_NET=host APT_CONF=$settings \
    deploy/images/make.sh api worker "${services[@]}"
docker image prune --force >/dev/null
stop_engine

say "topology: $engine"
# One network namespace for the engine, and one for the client, which represents another machine with a route to all networks.
start_engine unshare --net sh -c 'ip link set lo up && exec "$@"' sh --
unshare --net sleep infinity &
outside=$!
in_engine() { nsenter --net="/proc/$daemon/ns/net" "$@"; }
from_outside() { nsenter --net="/proc/$outside/ns/net" "$@"; }
until [ "$(readlink "/proc/$outside/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
in_engine ip link add outer type veth peer name inner netns "/proc/$outside/ns/net"
in_engine ip address add 192.0.2.1/24 dev outer
in_engine ip link set outer up
from_outside ip link set lo up
from_outside ip address add 192.0.2.2/24 dev inner
from_outside ip link set inner up
from_outside ip route add default via 192.0.2.1
in_engine nft --file deploy/nftables/docker.nft

cp -r deploy/compose "$work/compose"
rm -rf "$work/compose/secrets" "$work/compose/.env"
printf 'PUBLIC_ADDRESS=192.0.2.1\nHTTPS_PORT=443\nHTTP_PORT=80\nWORKER_CPUS=%s\n' "$(nproc)" >"$work/compose/.env"
"$work/compose/configure.sh" "$engine" judge.test
is_up=yes
compose up --detach >"$work/up.log" 2>&1 || { cat "$work/up.log" >&2 && fail "docker-compose up failed; its output is above"; }

all_healthy() {
    local wrong
    wrong=$(docker ps --all --format '{{.Names}} {{.Status}}' | grep -v gateway | grep -vc '(healthy)' || true)
    [ "$wrong" -eq 0 ]
}
wait_for() { # WHAT SECONDS COMMAND...
    local what=$1 patience=$((SECONDS + $2))
    shift 2
    until "$@"; do
        [ "$SECONDS" -lt "$patience" ] || fail "timed out waiting for: $what"
        sleep 0.5
    done
}
wait_for "every container is healthy" 180 all_healthy

# ---- The client: knows only the gateway's name, address and certificate.
client() {
    from_outside curl --silent --show-error --max-time 60 --resolve judge.test:443:192.0.2.1 --resolve judge.test:80:192.0.2.1 \
        --cacert "$work/compose/secrets/.gateway.crt" "$@"
}
status_of() { client --output /dev/null --write-out '%{http_code}' "$@"; }
answers() { [ "$(status_of https://judge.test/api/v1/languages)" = 200 ]; }
wait_for "the gateway has found the API" 30 answers

redirect=$(client --output /dev/null --write-out '%{http_code} %header{location}' http://judge.test/api/v1/languages)
[ "$redirect" = "308 https://judge.test:443/api/v1/languages" ] || fail "plain HTTP is not redirected to HTTPS: $redirect"
for page in metrics healthz readyz livez; do
    [ "$(status_of "https://judge.test/$page")" = 404 ] || fail "/$page is public"
done
account='{"username": "ada", "email": "ada@example.test", "password": "correct horse battery"}'
client --fail --json "$account" https://judge.test/api/v1/auth/register >/dev/null || fail "the account could not be registered"
token=$(client --fail --json "$(jq 'del(.username)' <<<"$account")" https://judge.test/api/v1/auth/login | jq --raw-output .access_token) ||
    fail "the login failed"
api() { client --header "Authorization: Bearer $token" "$@"; }

say "a submission through the gateway"
has_languages() { client https://judge.test/api/v1/languages | jq --exit-status '[.languages[] | select(.available) | .language_id] | contains(["c", "python"])' >/dev/null; }
wait_for "the API offers the workers' languages" 30 has_languages
submit() { # LANGUAGE SOURCE [QUERY]
    jq --null-input --arg l "$1" --arg s "$2" '{language: $l, source_code: $s, input: "3 4"}' |
        api --fail-with-body --json @- "https://judge.test/api/v1/execute${3:-}"
}
sum_c='#include <stdio.h>
int main(void) { int a, b; scanf("%d%d", &a, &b); printf("%d\n", a + b); }'
result=$(submit c "$sum_c" "?wait=30") || fail "the submission was refused: $result"
jq --exit-status '.status == "completed" and .verdict == "AC" and .stdout == "7\n"' <<<"$result" >/dev/null ||
    fail "the result is not AC with the output 7: $result"
jq --compact-output '{submission_id, status, verdict, stdout}' <<<"$result"

say "40 submissions, while a worker and an API node are killed and the queue's engine restarts"
slow='import time
begun = time.process_time()
while time.process_time() - begun < 0.5: pass
print(sum(map(int, input().split())))'
ids=()
for _ in $(seq 40); do
    ids+=("$(submit python "$slow" | jq --raw-output .submission_id)")
done
container() { docker ps --quiet --filter "label=com.docker.compose.service=$1" | head -n 1; }
# Kill the main process, as a crash does. After `docker kill` the engine would not restart the container.
main_process() { docker inspect --format '{{.State.Pid}}' "$1"; }
kill -KILL "$(main_process "$(container worker)")"
kill -KILL "$(main_process "$(container api)")"
if [ "$engine" != postgres ]; then docker restart --time 1 "$(container "$engine")" >/dev/null; fi
finished() {
    local answer
    answer=$(api "https://judge.test/api/v1/execute?ids=$(IFS=,; echo "${ids[*]}")") || return 1
    [ "$(jq '[.submissions[]? | select(.status != "queued" and .status != "running")] | length' <<<"$answer")" -eq "${#ids[@]}" ]
}
wait_for "every submission has its result" 180 finished
verdicts=$(api "https://judge.test/api/v1/execute?ids=$(IFS=,; echo "${ids[*]}")" | jq --raw-output '.submissions[].verdict' | sort | uniq -c | tr -s ' ')
[ "$verdicts" = " ${#ids[@]} AC" ] || fail "not every verdict is AC: $verdicts"
echo "verdicts:$verdicts"

say "network isolation"
wait_for "the killed containers are healthy again" 120 all_healthy
address() { docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1"; }
# connects CONTAINER HOST PORT: connects from inside the container, with bash, which every image has.
connects() { timeout 3 docker exec "$1" timeout 2 bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null; }
reachable() { from_outside timeout 2 bash -c "exec 3<>/dev/tcp/$1/$2" 2>/dev/null; }
worker=$(container worker) node=$(container api) gateway=$(container gateway) database=$(container postgres)
connects "$gateway" api 8080 || fail "the gateway does not reach the API, so the isolation checks below prove nothing"
connects "$worker" postgres 5432 || fail "a worker does not reach the store, so the isolation checks below prove nothing"
reachable 192.0.2.1 443 || fail "the gateway cannot be reached from another machine"
for target in worker postgres; do
    connects "$gateway" "$target" 8080 && fail "the gateway reaches $target by name"
done
for ip in $(address "$worker"); do
    for from in "$gateway" "$node"; do
        connects "$from" "$ip" 8080 && fail "$(docker inspect --format '{{.Name}}' "$from") reaches a worker at $ip"
    done
    reachable "$ip" 8080 && fail "a worker can be reached from another machine at $ip"
done
for ip in $(address "$database"); do
    connects "$gateway" "$ip" 5432 && fail "the gateway reaches the store at $ip"
    reachable "$ip" 5432 && fail "the store can be reached from another machine"
done
for ip in $(address "$node"); do
    reachable "$ip" 8080 && fail "an API node can be reached directly, without the gateway, at $ip"
    connects "$worker" "$ip" 8080 && fail "a worker reaches an API node at $ip"
done
# A listener outside the installation. Only containers on the network `out`, the API nodes, may reach it.
from_outside setpriv --pdeathsig KILL python3 -m http.server --bind 192.0.2.2 8000 >/dev/null 2>&1 &
listener=$!
wait_for "an API node reaches external hosts, for webhooks" 10 connects "$node" 192.0.2.2 8000
for from in "$worker" "$database"; do
    connects "$from" 192.0.2.2 8000 && fail "$(docker inspect --format '{{.Name}}' "$from") reaches external hosts"
done
kill "$listener"
echo "only the gateway's ports are public; nothing reaches a worker"

say "metrics"
secret=$(sed -n 's/^token = "\(.*\)"/\1/p' "$work/compose/secrets/cupel.toml")
for id in "$worker" "$node"; do
    nsenter --net="/proc/$(main_process "$id")/ns/net" \
        curl --silent --fail --header "Authorization: Bearer $secret" http://127.0.0.1:8080/metrics
done >"$work/metrics"
while read -r name; do
    grep -qE "^$name(\{|_bucket|_count| )" "$work/metrics" || missing+=" $name"
done < <(grep -ohE '\bcupel_[a-z_]+' deploy/observability/alerts.yaml | sort -u |
    # This metric exists only if API nodes share their counters in Redis.
    if [ "$engine" = redis ]; then cat; else grep -vx cupel_cache_connected; fi)
[ -z "$missing" ] || fail "no process exports these metrics:$missing"
echo "all metrics that the alerts use are exported"

say "shutdown"
compose stop --timeout 60 >/dev/null 2>&1
for service in worker api; do
    for id in $(docker ps --all --quiet --filter "label=com.docker.compose.service=$service"); do
        code=$(docker inspect --format '{{.State.ExitCode}}' "$id")
        [ "$code" = 0 ] || fail "a container of $service exited with $code after SIGTERM; expected 0"
    done
done
compose down --volumes >/dev/null 2>&1
is_up=
stop_engine
echo "test-compose: everything passed with $engine"
