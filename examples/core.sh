#!/usr/bin/env bash
# The smallest core, as core.py: checks that an event is from the bridge, and says back what the customer wrote.
#   CORE_SECRET=whsec_… examples/core.sh     HOST and PORT: where it listens, 127.0.0.1:8000
# bash, socat, jq, openssl and od. A process for each event, and the key among openssl's arguments: to try things with.
set -euo pipefail
export LC_ALL=C

if [ "${1:-}" != one ]; then
  host=${HOST:-127.0.0.1} port=${PORT:-8000}
  echo "core on http://$host:$port/"
  exec socat "TCP-LISTEN:$port,bind=$host,reuseaddr,fork,backlog=128" "EXEC:bash $(printf %q "$0") one"
fi

# One request: headers by name, and the body as it came.
declare -A header
read -r _
while IFS=: read -r name value && [ "$name" != $'\r' ]; do
  value=${value%$'\r'} header[${name,,}]=${value# }
done
body=$(head -c "${header[content-length]}" && printf .)
body=${body%.} event=${header[webhook-id]-} sent=${header[webhook-timestamp]-}

# Standard Webhooks: one of the signatures is ours, and at most five minutes old.
key=$(printf %s "${CORE_SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
right=v1,$(printf %s "$event.$sent.$body" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
status='401 Unauthorized' told=''
if [[ $sent =~ ^[0-9]{1,12}$ && " ${header[webhook-signature]-} " == *" $right "* ]]; then
  away=$(($(date +%s) - 10#$sent))
  if ((away <= 300 && away >= -300)); then
    status='200 OK'
    told=$(jq -c '{replies: [.data.message.parts[]?.text? // empty | {text: "You said: \(.body)"}]}' <<<"$body")
  fi
fi
printf 'HTTP/1.1 %s\r\ncontent-type: application/json\r\n' "$status"
printf 'content-length: %s\r\nconnection: close\r\n\r\n%s' "${#told}" "$told"
