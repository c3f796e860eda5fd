#!/usr/bin/env bash
# Makes what deploy/compose/docker-compose.yml reads: ./secrets with new passwords, and .env with the engine that was chosen.
#
#   deploy/compose/configure.sh [postgres|redis|rabbitmq|kafka] [HOSTNAME...]
#
# postgres (the default) needs nothing beside the database. Passwords that are there stay, so it can be called again to change the
# engine. HOSTNAME: what clients call the gateway, for its first certificate, which is self-signed: put your own chain and key
# into secrets/gateway.pem in its place.
set -euo pipefail
cd "$(dirname "$0")"

engine=${1:-postgres}
shift || true
case $engine in
    postgres | redis | rabbitmq | kafka) ;;
    *)
        echo "error: no engine \`$engine\`; there are: postgres, redis, rabbitmq, kafka" >&2
        exit 2
        ;;
esac

# The files are read inside by users that do not exist here, so everybody may read them, and nobody else than you may pass the
# directory: Docker shows single files.
umask 022
mkdir -p -m 0700 secrets

word() { # NAME: the password in secrets/.NAME, made when it is not there; letters and digits, so it needs no quoting anywhere
    local file=secrets/.$1
    [ -s "$file" ] || (umask 077 && openssl rand -hex 24 >"$file")
    cat "$file"
}

postgres=$(word postgres) redis=$(word redis) rabbitmq=$(word rabbitmq) metrics=$(word metrics)

shared=
case $engine in
    postgres) queue=postgres events=postgres ;;
    redis) queue=redis://:$redis@redis:6379/0 events=$queue shared=$queue ;;
    rabbitmq) queue=amqp://cupel:$rabbitmq@rabbitmq:5672/%2f events=postgres ;;
    # tansu keeps a question for its whole time even if it has the answer.
    kafka) queue='kafka://kafka:9092?fetch_wait_ms=10' events=postgres ;;
esac

printf '%s' "$postgres" >secrets/postgres-password
printf 'requirepass %s\n' "$redis" >secrets/redis.conf
printf 'default_user = cupel\ndefault_pass = %s\n' "$rabbitmq" >secrets/rabbitmq.conf
cat >secrets/cupel.toml <<END
# Written by deploy/compose/configure.sh. The reference of all settings: cupel config default
[store]
url = "postgres://cupel:$postgres@postgres:5432/cupel"
[queue]
url = "$queue"
[events]
url = "$events"
[shared]
url = "$shared"
[blobs]
url = "postgres"
[metrics]
access = "token"
token = "$metrics"
END
if ! [ -s secrets/gateway.pem ]; then
    names=()
    for name in "${@:-localhost}"; do
        names+=("DNS:$name")
    done
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj "/CN=${1:-localhost}" \
        -addext "subjectAltName=$(IFS=,; echo "${names[*]}")" \
        -keyout secrets/.gateway.key -out secrets/.gateway.crt 2>/dev/null
    cat secrets/.gateway.crt secrets/.gateway.key >secrets/gateway.pem
fi
chmod 0444 secrets/*

profile=
[ "$engine" = postgres ] || profile=$engine
touch .env
grep -v '^COMPOSE_PROFILES=' .env >.env.new || true
echo "COMPOSE_PROFILES=$profile" >>.env.new
mv .env.new .env
echo "configured for $engine: secrets/cupel.toml and .env"
