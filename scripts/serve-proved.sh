#!/usr/bin/env bash
# Starts `cupel serve`, sends real programs through its HTTP API, says what to try, and stays until the server ends.
#
#   LISTEN=127.0.0.1:8080 DATA=data scripts/serve-proved.sh PATH-TO-CUPEL
#
# Ends with the exit code of the server; Ctrl-C and SIGTERM are handed on to it, so that it drains.
set -euo pipefail

cupel=$1
url=http://$LISTEN
log=$DATA/serve.log
ready_seconds_max=60

# Only for us: the log and, later, the database and keys lie here.
[ -d "$DATA" ] || { mkdir -p "$DATA" && chmod 700 "$DATA"; }
# Whoever the directory is handed to could have put a link here, and we may be root.
if [ -L "$log" ]; then
    echo "error: $log is a link. Remove it: its target would be written to." >&2
    exit 1
fi
if curl --silent --output /dev/null --max-time 2 "$url/livez"; then
    echo "error: something already listens on $LISTEN. Stop it, or: make run PORT=8081 DATA=data2" >&2
    exit 1
fi

echo "== serve on $url (data in $DATA/, log in $log)"
exec 3>>"$log"
"$cupel" serve --listen "$LISTEN" --data "$DATA" 2>&3 3>&- &
server=$!
follower=
# Ctrl-C and the like end the server, not this script: it stays until the server has drained.
trap 'kill -TERM "$server" 2>/dev/null || true' INT TERM HUP
trap 'kill -TERM "$server" $follower 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT

fail() {
    echo "error: $1" >&2
    echo "       The last lines of $log:" >&2
    tail -n 20 "$log" >&2
    exit 1
}

deadline=$((SECONDS + ready_seconds_max))
until curl --silent --fail --output /dev/null --max-time 2 "$url/readyz"; do
    kill -0 "$server" 2>/dev/null || fail "the server ended before it was ready"
    [ "$SECONDS" -lt "$deadline" ] || fail "the server was not ready within $ready_seconds_max s"
    sleep 0.1
done

echo "== proof: real programs through the HTTP API, in every installed language (up to a minute)"
# One key for all starts of this kind; a new one when it has expired or was revoked.
key=$(cat "$DATA/run.key" 2>/dev/null || true)
if [ -z "$key" ] || ! curl --silent --fail --output /dev/null --header "Authorization: Bearer $key" "$url/api/v1/submissions?limit=1"; then
    key=$("$cupel" key create "make run" --data "$DATA" --scope runs:write --scope runs:read --expires 7d 2>&3 3>&-) ||
        fail "no API key could be made"
    # The directory is the server's by now, and we may be root: whatever has that name is replaced, and no link followed.
    rm -f "$DATA/run.key"
    (umask 077 && set -o noclobber && printf '%s\n' "$key" >"$DATA/run.key")
fi
CUPEL_KEY=$key "$cupel" smoke --url "$url" || fail "a program did not end as it must; see the table above"

cat <<END

Cupel serves on $url and has proved itself.
More languages: target/release/cupel languages (what there is), target/release/cupel languages install all

Try next, in another terminal:

  curl -s '$url/api/v1/execute?wait=10' -H 'Authorization: Bearer $key' \\
    -H 'Content-Type: application/json' \\
    -d '{"language":"python","source_code":"print(sum(map(int, input().split())))","input":"3 4"}'

Ctrl-C ends it. What follows is its log.
END
tail --lines=0 --follow=name --quiet "$log" &
follower=$!

# A signal ends `wait` early; the server is what counts.
while :; do
    status=0
    wait "$server" || status=$?
    kill -0 "$server" 2>/dev/null || break
done
exit "$status"
