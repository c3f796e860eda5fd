#!/usr/bin/env bash
# Builds the site into web/dist, where cargo embeds it: `make build` and `make run` call this.
#
#   scripts/build-site.sh             builds it if its sources have changed; without a suitable Node.js, prints a message and succeeds
#   scripts/build-site.sh required    the same, but fails without a suitable Node.js
set -euo pipefail
cd "$(dirname "$0")/.."

# The oldest Node.js that Vite supports. Debian 12 has version 18.
major=20 minor=19
version=$(node --version 2>/dev/null || true)
IFS=. read -r has_major has_minor _ <<<"${version#v}"
if ! command -v npm >/dev/null || [ "${has_major:-0}" -lt $major ] ||
    { [ "$has_major" -eq $major ] && [ "$has_minor" -lt $minor ]; }; then
    echo "The site is not built: it needs Node.js $major.$minor or later with npm; this machine has ${version:-none} (https://nodejs.org)." >&2
    echo "Everything else works, and the server's root says the same." >&2
    [ "${1:-}" != required ] || exit 1
    exit 0
fi

built=web/dist/assets
sources=(web/src web/public web/index.html web/package.json web/package-lock.json web/vite.config.ts web/compress.mjs)
if [ -d "$built" ] && [ -z "$(find "${sources[@]}" -newer web/dist/index.html.gz -print -quit 2>/dev/null || echo missing)" ]; then
    exit 0
fi
echo "== site"
cd web
installed=node_modules/.package-lock.json
if ! [ -e "$installed" ] || [ package-lock.json -nt "$installed" ]; then
    ../scripts/again npm ci --no-audit --no-fund --no-progress --loglevel=error
    touch "$installed"
fi
npx vite build --logLevel warn
node compress.mjs
