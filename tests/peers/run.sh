#!/usr/bin/env bash
# Do programs that share no code with wxbridge understand it? wechatpy plays the platform, standardwebhooks and
# cloudevents read what a core receives, grpcio is a core in another language, the cores of examples/ answer, the code of docs/core*.md runs, and
# schemathesis holds the API to its document.
#   WXBRIDGE_BIN   the binary (target/debug/wxbridge, built when it is not given)
#   PYTHON         an interpreter of 3.10 or later (python3)
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${WXBRIDGE_BIN:-}" ]; then
  cargo build --quiet --bin wxbridge
  WXBRIDGE_BIN="${CARGO_TARGET_DIR:-target}/debug/wxbridge"
fi
WXBRIDGE_BIN="$(realpath "$WXBRIDGE_BIN")"
export WXBRIDGE_BIN

venv="${CARGO_TARGET_DIR:-target}/peers"
wanted="$(sha256sum tests/peers/requirements.txt)"
if [ "$(cat "$venv/wanted" 2>/dev/null || true)" != "$wanted" ]; then
  "${PYTHON:-python3}" -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r tests/peers/requirements.txt
  echo "$wanted" > "$venv/wanted"
fi

for script in sim_wechatpy bridge_wechatpy open_platform_wechatpy wecom_wechatpy core_libraries grpc_core examples documents openapi_schemathesis; do
  echo "== $script"
  "$venv/bin/python" "tests/peers/$script.py"
done
