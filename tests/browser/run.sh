#!/usr/bin/env bash
# Runs the console, its care, an operator's first day and the demo's page in headless Chromium and takes pictures of them, into target/browser.
#   WRITE_PICTURE=1 puts them into docs/images, those that the documents show
#   DEMO_URL       a demo that runs already; else one is started
#   WXBRIDGE_BIN   the binary to start (target/release/wxbridge)
#   CHROMIUM       the browser (/usr/bin/chromium; installed by apt when missing)
set -euo pipefail
cd "$(dirname "$0")"

export CHROMIUM="${CHROMIUM:-/usr/bin/chromium}"
packages=()
[ -x "$CHROMIUM" ] || packages+=(chromium)
# Without a Chinese font the picture shows boxes.
fc-list :lang=zh 2>/dev/null | grep -q . || packages+=(fontconfig fonts-noto-cjk)
if [ "${#packages[@]}" -gt 0 ]; then
  echo "installing ${packages[*]}"
  sudo=""; [ "$(id -u)" = 0 ] || sudo=sudo
  { $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends "${packages[@]}"; } >/dev/null || true
  [ -x "$CHROMIUM" ] || { echo "chromium could not be installed; set CHROMIUM to a browser" >&2; exit 69; }
fi
if [ ! -d node_modules/playwright-core ]; then
  npm ci --no-audit --no-fund --loglevel=error
fi

binary="${WXBRIDGE_BIN:-../../target/release/wxbridge}"
if [ -x "$binary" ]; then
  WXBRIDGE_BIN="$binary" node console.mjs
  WXBRIDGE_BIN="$binary" node careful.mjs
  WXBRIDGE_BIN="$binary" node operator.mjs
elif [ -z "${DEMO_URL:-}" ]; then
  echo "$binary is missing: build it, or set WXBRIDGE_BIN" >&2
  exit 69
fi

if [ -z "${DEMO_URL:-}" ]; then
  log="$(mktemp)"
  "$binary" demo >"$log" 2>"$log.err" &
  demo=$!
  trap 'kill "$demo" 2>/dev/null || true; wait "$demo" 2>/dev/null || true; rm -f "$log" "$log.err"' EXIT
  for _ in $(seq 1 300); do
    DEMO_URL="$(grep -Eo 'https?://[^[:space:]]+' "$log" | tail -n 1 || true)"
    # The last line alone is the URL; lines before it may name others.
    [ -n "$DEMO_URL" ] && [ "$(tail -n 1 "$log")" = "$DEMO_URL" ] && curl -fsS -o /dev/null "$DEMO_URL" 2>/dev/null && break
    kill -0 "$demo" 2>/dev/null || { echo "the demo ended:" >&2; cat "$log" "$log.err" >&2; exit 1; }
    DEMO_URL=""
    sleep 0.1
  done
  [ -n "$DEMO_URL" ] || { echo "the demo printed no URL within 30 s:" >&2; cat "$log" "$log.err" >&2; exit 1; }
  export DEMO_URL
fi
echo "testing $DEMO_URL"
node demo.mjs
