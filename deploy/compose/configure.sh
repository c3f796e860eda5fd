#!/usr/bin/env bash
# Creates the files that deploy/compose/docker-compose.yml reads: ./secrets with new passwords, and .env with the selected engine.
#
#   deploy/compose/configure.sh [postgres|redis|rabbitmq|kafka] [HOSTNAME...]
#
# postgres (the default) needs no server other than the database. Existing passwords are kept, so this script can be run again to
# change the engine. HOSTNAME is the gateway's name: the server's links begin with it (PUBLIC_URL in .env), and the initial,
# self-signed certificate is for it. Replace secrets/gateway.pem with your own certificate chain and key.
set -euo pipefail
cd "$(dirname "$0")"

engine=${1:-postgres}
shift || true
case $engine in
    postgres | redis | rabbitmq | kafka) ;;
    *)
        echo "error: unknown engine \`$engine\`; the engines are: postgres, redis, rabbitmq, kafka" >&2
        exit 2
        ;;
esac

# Users that exist only inside the containers read these files, so the files are readable by everybody. Docker mounts each file
# separately, so the directory itself can be restricted to its owner.
umask 022
mkdir -p -m 0700 secrets

password() { # NAME: prints the password in secrets/.NAME, and creates it if it is missing; letters and digits, so it needs no quoting
    local file=secrets/.$1
    [ -s "$file" ] || (umask 077 && openssl rand -hex 24 >"$file")
    cat "$file"
}

# Files of an earlier run cannot be written, but they can be removed.
rm -f secrets/{postgres-password,redis.conf,rabbitmq.conf,cupel.toml}
postgres=$(password postgres) redis=$(password redis) rabbitmq=$(password rabbitmq) metrics=$(password metrics)

shared=
case $engine in
    postgres) queue=postgres events=postgres ;;
    redis) queue=redis://:$redis@redis:6379/0 events=$queue shared=$queue ;;
    rabbitmq) queue=amqp://cupel:$rabbitmq@rabbitmq:5672/%2f events=postgres ;;
    # tansu delays every fetch for the whole wait time, even if messages are available.
    kafka) queue='kafka://kafka:9092?fetch_wait_ms=10' events=postgres ;;
esac

printf '%s' "$postgres" >secrets/postgres-password
printf 'requirepass %s\n' "$redis" >secrets/redis.conf
printf 'default_user = cupel\ndefault_pass = %s\n' "$rabbitmq" >secrets/rabbitmq.conf
cat >secrets/cupel.toml <<END
# Written by deploy/compose/configure.sh. Reference of all settings: cupel config default
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
grep -q '^PUBLIC_URL=' .env.new || echo "PUBLIC_URL=https://${1:-localhost}:8443" >>.env.new
mv .env.new .env
echo "configured for $engine: secrets/cupel.toml and .env"
