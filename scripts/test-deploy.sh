#!/usr/bin/env bash
# Checks everything in deploy/ that can be checked without running it: manifests, compose file, units, firewall, alerts, scripts.
# Part of `make test`; takes some seconds once its tools are installed. scripts/test-compose.sh runs the compose file.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build deploy
# Tools that Debian lacks, or packages only together with a service. They are installed beside Cupel's other tools.
tools=/usr/local/lib/cupel/deploy
validate=1.37.0 # the version of kubernetes-validate, which contains the schemas
if ! [ -d "$tools/kubernetes_validate-$validate.dist-info" ]; then
    echo "Installing from PyPI into $tools: kubernetes-validate $validate"
    scripts/again scripts/as-root /usr/bin/python3 -m pip --quiet --disable-pip-version-check install --upgrade --root-user-action ignore \
        --target "$tools" "kubernetes-validate==$validate"
fi
unpack() { # PACKAGE...: downloads packages from Debian, and unpacks them into the new directory $fetched
    fetched=$(mktemp -d)
    fetch() { (cd "$fetched" && apt-get --quiet=2 download "$@"); }
    # Outdated package lists name versions that the archive no longer has.
    fetch "$@" || { scripts/as-root apt-get update --quiet=2 && fetch "$@"; }
    (cd "$fetched" && for package in *.deb; do dpkg-deb --extract "$package" .; done)
}
if ! [ -x "$tools/promtool" ]; then
    echo "Installing from Debian into $tools: promtool (the package prometheus would start a server)"
    unpack prometheus
    scripts/as-root install "$fetched/usr/bin/promtool" "$tools/promtool"
    rm -rf "$fetched"
fi
if ! [ -x "$tools/nginx" ] || ! [ -x "$tools/caddy" ]; then
    echo "Installing from Debian into $tools: nginx and caddy (their packages would start a server)"
    unpack nginx caddy
    scripts/as-root install "$fetched/usr/sbin/nginx" "$fetched/usr/bin/caddy" "$tools/"
    rm -rf "$fetched"
fi
if ! [ -x "$tools/haproxy" ]; then
    echo "Installing from Debian into $tools: haproxy and its libraries (the package would start a server)"
    unpack haproxy liblua5.3-0 libopentracing1 libopentracing-c-wrapper0
    scripts/as-root install -d "$tools/lib"
    scripts/as-root install "$fetched"/usr/lib/*-linux-gnu/lib*.so.* "$tools/lib/"
    scripts/as-root install "$fetched/usr/sbin/haproxy" "$tools/"
    rm -rf "$fetched"
fi

work=$(mktemp -d)
gateway=
trap '[ -z "$gateway" ] || kill "$gateway"; rm -rf "$work"' EXIT
mkdir -p "$work/rendered/kubernetes" "$work/rendered/compose"

echo "== overlays"
for overlay in deploy/kubernetes/overlays/*/; do
    name=$(basename "$overlay")
    # Newer versions of kubectl warn that `bases` is deprecated; Debian's version supports nothing else.
    kubectl kustomize "$overlay" >"$work/rendered/kubernetes/$name.yaml" 2> >(grep -v "'bases' is deprecated" >&2 || true)
done

cupel=${CUPEL:-target/debug/cupel}

echo "== compose"
cp -r deploy/compose "$work/compose"
rm -rf "$work/compose/secrets" "$work/compose/.env"
for folder in deploy/kubernetes/engines/*/; do
    engine=$(basename "$folder")
    "$work/compose/configure.sh" "$engine" >/dev/null
    (cd "$work/compose" && docker-compose config) >"$work/rendered/compose/$engine.yaml"
    # The configuration that the API nodes and workers would read.
    "$cupel" config check --config "$work/compose/secrets/cupel.toml" >/dev/null
done
for example in deploy/kubernetes/engines/*/cupel.example.toml; do
    "$cupel" config check --config "$example" >/dev/null
done

echo "== rules"
PYTHONPATH=$tools PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 scripts/deploy/check.py "$work/rendered"

echo "== gateways"
mkdir "$work/gateway"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=judge.example -days 1 \
    -keyout "$work/gateway/gateway.key" -out "$work/gateway/gateway.crt" 2>/dev/null
{
    echo "pid $work/gateway/pid; error_log stderr; events {}"
    # Keep nginx's temporary files in the work directory, too.
    echo "http { client_body_temp_path $work/gateway/body; proxy_temp_path $work/gateway/proxy; fastcgi_temp_path $work/gateway/fastcgi;"
    echo "uwsgi_temp_path $work/gateway/uwsgi; scgi_temp_path $work/gateway/scgi; access_log off;"
    # `nginx -t` binds its ports, and only root may bind ports below 1024.
    sed "s#/etc/cupel/gateway#$work/gateway/gateway#; s/\(listen .*\)80;/\18080;/; s/\(listen .*\)443/\18443/" deploy/gateway/nginx.conf
    echo "}"
} >"$work/gateway/nginx.conf"
"$tools/nginx" -t -q -p "$work/gateway" -c "$work/gateway/nginx.conf"
HOME=$work/gateway "$tools/caddy" validate --adapter caddyfile --config deploy/gateway/Caddyfile >/dev/null 2>&1
cat "$work/gateway/gateway.crt" "$work/gateway/gateway.key" >"$work/gateway/gateway.pem"
# HAProxy runs for a moment, on sockets in the work directory.
sed "s#/run/secrets/gateway.pem#$work/gateway/gateway.pem#; s#/etc/cupel/503.http#$PWD/deploy/compose/503.http#
    s#bind :8443#bind unix@$work/gateway/https#; s#bind :8080#bind unix@$work/gateway/http#" deploy/compose/haproxy.cfg >"$work/gateway/haproxy.cfg"
redirects() { # LOCATION [SETTING]: with this setting, a request for http://judge.example:8080/problems?page=2 is redirected to LOCATION
    local location
    rm -f "$work/gateway/http"
    env "${@:2}" LD_LIBRARY_PATH="$tools/lib" "$tools/haproxy" -db -f "$work/gateway/haproxy.cfg" >"$work/gateway/haproxy.log" 2>&1 &
    gateway=$!
    until [ -S "$work/gateway/http" ]; do
        kill -0 "$gateway" 2>/dev/null || { cat "$work/gateway/haproxy.log" >&2 && gateway= && exit 1; }
        sleep 0.1
    done
    location=$(curl --silent --max-time 120 --output /dev/null --write-out '%{http_code} %header{location}' \
        --unix-socket "$work/gateway/http" 'http://judge.example:8080/problems?page=2')
    kill "$gateway"
    wait "$gateway" || true
    gateway=
    if [ "$location" != "308 $1" ]; then
        echo "error: HAProxy redirects plain HTTP to $location; expected 308 $1" >&2
        exit 1
    fi
}
# In Compose, the published port; elsewhere, the standard port.
redirects 'https://judge.example:8443/problems?page=2' HTTPS_PORT=8443
redirects 'https://judge.example:443/problems?page=2'

echo "== alerts"
cp -r deploy/observability "$work/observability"
touch "$work/observability/metrics-token"
(
    cd "$work/observability"
    # Also checks the alert rules.
    "$tools/promtool" check config prometheus.yml
    "$tools/promtool" test rules alerts.test.yaml
)

echo "== units"
for unit in deploy/systemd/*.service; do
    # Cupel need not be installed on this machine.
    sed 's#/usr/local/bin/cupel\b#/bin/true#' "$unit" >"$work/$(basename "$unit")"
done
warnings=$(systemd-analyze verify --man=no "$work"/*.service 2>&1) || true
# systemd-analyze prints a warning for an unknown key but exits with 0, so any output is a failure.
if [ -n "$warnings" ]; then
    echo "$warnings" >&2
    exit 1
fi
systemd-analyze security --offline=true --no-pager --threshold=20 "$work/cupel-api.service" | tail -n 1

echo "== firewall"
for rules in deploy/nftables/*.nft; do
    # In a separate network namespace, so that even a bug in nft cannot change this machine's rules.
    scripts/as-root unshare --net nft --check --file "$rules"
done
