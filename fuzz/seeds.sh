#!/usr/bin/env bash
# Makes the seeds of the fuzz targets out of the bodies in fixtures/, of every channel.
set -euo pipefail
cd "$(dirname "$0")/.."

for target in outer inbound; do
  rm -rf "fuzz/corpus/seeds.$target"
  mkdir -p "fuzz/corpus/seeds.$target"
done
for body in fixtures/*/*.xml fixtures/*/*.json; do
  [[ "$body" == *.expect.json ]] && continue
  channel="$(basename "$(dirname "$body")")" name="$(basename "$body")"
  cp "$body" "fuzz/corpus/seeds.outer/$channel.$name"
  # Bodies that belong to no channel are tried on all of them.
  channels=("$channel")
  [[ -f "src/channels/$channel/mod.rs" ]] || channels=(official_account mini_program wecom_app wechat_kf)
  for it in "${channels[@]}"; do
    [[ "$name" == *.page.json ]] && kind="$it.page" || kind="$it"
    { printf '%s\n' "$kind"; cat "$body"; } >"fuzz/corpus/seeds.inbound/$it.$name"
  done
done
