#!/usr/bin/env bash
# Starts `ramal serve` in the background and returns when it is ready: tools/background.sh [ARGUMENT ...]
# What people need to know is printed here; its log is var/log/ramal.log.
set -euo pipefail

wait=${RAMAL_READY_WAIT:-120s}
mkdir -p var/log
if bin/ramal ready 2>/dev/null; then # it prints where to find what
  echo "Ramal is running already; 'make stop' ends it." >&2
  exit 0
fi
setsid nohup bin/ramal serve "$@" >>var/log/ramal.log 2>&1 </dev/null &
serve=$!
bin/ramal ready --wait "$wait" &
ready=$!
# Whichever ends first decides: ready, or the server that could not start.
if wait -n "$serve" "$ready" && kill -0 "$serve" 2>/dev/null; then exit 0; fi
kill "$ready" 2>/dev/null || true
echo "Ramal did not become ready; the end of var/log/ramal.log:" >&2
tail -n 30 var/log/ramal.log >&2
kill "$serve" 2>/dev/null || true
exit 1
