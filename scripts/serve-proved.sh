#!/usr/bin/env bash
# Starts `cupel serve`, runs the smoke test (real programs through the HTTP API), prints an example request, and follows the log
# until the server exits.
#
#   LISTEN=127.0.0.1:8080 DATA=data scripts/serve-proved.sh PATH-TO-CUPEL
#
# Exits with the server's exit code. Forwards Ctrl-C and SIGTERM to the server, which then drains.
set -euo pipefail

cupel=$1
url=http://$LISTEN
log=$DATA/serve.log
ready_seconds_max=60

# Readable only by its owner: the directory holds the log and, later, the database and the keys.
[ -d "$DATA" ] || { mkdir -p "$DATA" && chmod 700 "$DATA"; }
# The directory belongs to the server's user, who could have created a link here. This script may run as root.
if [ -L "$log" ]; then
    echo "error: $log is a symbolic link, and writing the log would overwrite its target. Remove the link." >&2
    exit 1
fi
if curl --silent --output /dev/null --max-time 2 "$url/livez"; then
    echo "error: another server already listens on $LISTEN. Stop it, or run: make run PORT=8081 DATA=data2" >&2
    exit 1
fi

echo "== serve on $url (data in $DATA/, log in $log)"
exec 3>>"$log"
# The server's first lines contain a password, so they go to an unlinked file and not to the log. The line `site:` is printed again at
# the end.
first=$(mktemp)
exec 5>"$first"
exec 6<"$first"
rm -f "$first"
"$cupel" serve --listen "$LISTEN" --data "$DATA" 2>&3 >&5 3>&- 5>&- 6<&- &
server=$!
follower=
# These signals stop the server. This script continues until the server has drained.
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
    kill -0 "$server" 2>/dev/null || fail "the server exited before it was ready"
    [ "$SECONDS" -lt "$deadline" ] || fail "the server was not ready within $ready_seconds_max s"
    sleep 0.1
done
lines=
until [[ $lines == *"Try next"* ]]; do
    kill -0 "$server" 2>/dev/null || fail "the server exited before it was ready"
    sleep 0.1
    lines+=$(cat <&6)
done
printf '%s\n' "$lines"

echo "== smoke test: real programs through the HTTP API, in every installed language (up to a minute)"
# Every `make run` uses the same key; a new one is created if it has expired or was revoked.
key=$(cat "$DATA/run.key" 2>/dev/null || true)
if [ -z "$key" ] || ! curl --silent --fail --output /dev/null --header "Authorization: Bearer $key" "$url/api/v1/submissions?limit=1"; then
    key=$("$cupel" key create "make run" --data "$DATA" --scope runs:write --scope runs:read --expires 7d 2>&3 3>&-) ||
        fail "no API key could be created"
    # The directory now belongs to the server's user, and this script may run as root: replace the file and follow no link.
    rm -f "$DATA/run.key"
    (umask 077 && set -o noclobber && printf '%s\n' "$key" >"$DATA/run.key")
fi
CUPEL_API_KEY=$key "$cupel" smoke --url "$url" || fail "a program did not give the expected result; see the table above"

cat <<END

Cupel is running at $url and has passed its smoke test.
$(grep '^site: ' <<<"$lines" || echo "site: $url/")
More languages: $cupel languages (lists them), $cupel languages install all

Try next, in another terminal:

  curl -s '$url/api/v1/execute?wait=10' -H 'Authorization: Bearer $key' \\
    -H 'Content-Type: application/json' \\
    -d '{"language":"python","source_code":"print(sum(map(int, input().split())))","input":"3 4"}'

Ctrl-C stops the server. Its log follows.
END
tail --lines=0 --follow=name --quiet "$log" &
follower=$!

# A signal interrupts `wait`; repeat until the server has exited.
while :; do
    status=0
    wait "$server" || status=$?
    kill -0 "$server" 2>/dev/null || break
done
exit "$status"
