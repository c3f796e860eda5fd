#!/usr/bin/env bash
# Checks everything in deploy/ that can be checked without running it: manifests, compose file, units, firewall, alerts, scripts.
# Part of `make test`; some seconds once its tools are there. scripts/test-compose.sh runs the compose file for real.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/setup.sh build deploy
# Go's and Python's tools that Debian has not, or not without a service: kept beside the other tools of ours.
tools=/usr/local/lib/cupel/deploy
validate=1.37.0 # of kubernetes-validate, which carries the schemas
if ! [ -d "$tools/kubernetes_validate-$validate.dist-info" ]; then
    echo "Installing from PyPI into $tools: kubernetes-validate $validate"
    scripts/again scripts/as-root /usr/bin/python3 -m pip --quiet --disable-pip-version-check install --upgrade --root-user-action ignore \
        --target "$tools" "kubernetes-validate==$validate"
fi
if ! [ -x "$tools/promtool" ]; then
    echo "Installing from Debian into $tools: promtool (the package prometheus would start a server)"
    fetched=$(mktemp -d)
    fetch() { (cd "$fetched" && apt-get --quiet=2 download prometheus); }
    # Old package lists name what the archive has no more.
    fetch || { scripts/as-root apt-get update --quiet=2 && fetch; }
    (cd "$fetched" && dpkg-deb --extract prometheus_*.deb .)
    scripts/as-root install "$fetched/usr/bin/promtool" "$tools/promtool"
    rm -rf "$fetched"
fi
if ! [ -x "$tools/nginx" ] || ! [ -x "$tools/caddy" ]; then
    echo "Installing from Debian into $tools: nginx and caddy (their packages would start a server)"
    fetched=$(mktemp -d)
    fetch() { (cd "$fetched" && apt-get --quiet=2 download nginx caddy); }
    fetch || { scripts/as-root apt-get update --quiet=2 && fetch; }
    (cd "$fetched" && for package in *.deb; do dpkg-deb --extract "$package" .; done)
    scripts/as-root install "$fetched/usr/sbin/nginx" "$fetched/usr/bin/caddy" "$tools/"
    rm -rf "$fetched"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/rendered/kubernetes" "$work/rendered/compose"

echo "== overlays"
for overlay in deploy/kubernetes/overlays/*/; do
    name=$(basename "$overlay")
    # Newer ones say that there is a newer word for `bases`; Debian's knows no other.
    kubectl kustomize "$overlay" >"$work/rendered/kubernetes/$name.yaml" 2> >(grep -v "'bases' is deprecated" >&2 || true)
done

echo "== compose"
cp -r deploy/compose "$work/compose"
rm -rf "$work/compose/secrets" "$work/compose/.env"
for engine in postgres redis rabbitmq kafka; do
    "$work/compose/configure.sh" "$engine" >/dev/null
    (cd "$work/compose" && docker-compose config) >"$work/rendered/compose/$engine.yaml"
    # What the roles would be told.
    target/debug/cupel config check --config "$work/compose/secrets/cupel.toml" >/dev/null
done
for example in deploy/kubernetes/engines/*/cupel.example.toml; do
    target/debug/cupel config check --config "$example" >/dev/null
done

echo "== what they say"
PYTHONPATH=$tools PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 scripts/deploy/check.py "$work/rendered"

echo "== gateways"
mkdir "$work/gateway"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=judge.example -days 1 \
    -keyout "$work/gateway/gateway.key" -out "$work/gateway/gateway.crt" 2>/dev/null
{
    echo "pid $work/gateway/pid; error_log stderr; events {}"
    # What nginx writes by itself goes there, too.
    echo "http { client_body_temp_path $work/gateway/body; proxy_temp_path $work/gateway/proxy; fastcgi_temp_path $work/gateway/fastcgi;"
    echo "uwsgi_temp_path $work/gateway/uwsgi; scgi_temp_path $work/gateway/scgi; access_log off;"
    # It binds what it listens on, which not everybody may below 1024.
    sed "s#/etc/cupel/gateway#$work/gateway/gateway#; s/\(listen .*\)80;/\18080;/; s/\(listen .*\)443/\18443/" deploy/gateway/nginx.conf
    echo "}"
} >"$work/gateway/nginx.conf"
"$tools/nginx" -t -q -p "$work/gateway" -c "$work/gateway/nginx.conf"
HOME=$work/gateway "$tools/caddy" validate --adapter caddyfile --config deploy/gateway/Caddyfile >/dev/null 2>&1

echo "== alerts"
cp -r deploy/observability "$work/observability"
touch "$work/observability/metrics-token"
(
    cd "$work/observability"
    # It looks at the rules, too.
    "$tools/promtool" check config prometheus.yml
    "$tools/promtool" test rules alerts.test.yaml
)

echo "== units"
for unit in deploy/systemd/*.service; do
    # The program need not be installed here.
    sed 's#/usr/local/bin/cupel\b#/bin/true#' "$unit" >"$work/$(basename "$unit")"
done
said=$(systemd-analyze verify --man=no "$work"/*.service 2>&1) || true
# A key that it does not know is told and no error.
if [ -n "$said" ]; then
    echo "$said" >&2
    exit 1
fi
systemd-analyze security --offline=true --no-pager --threshold=20 "$work/cupel-api.service" | tail -n 1

echo "== firewall"
for rules in deploy/nftables/*.nft; do
    # In a network namespace of its own, so that not even a mistake of nft's could reach this machine's rules.
    scripts/as-root unshare --net nft --check --file "$rules"
done
