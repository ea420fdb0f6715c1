#!/usr/bin/env bash
# Runs every fuzz target of the repository in turn: tools/fuzz.sh 30s. Stops at the first that finds something.
set -euo pipefail

time=${1:?usage: tools/fuzz.sh TIME}
# go test -list prints the targets of a package, then "ok <package> <time>".
targets=$(go test -list '^Fuzz' ./... | awk '/^Fuzz/ { names[n++] = $1; next }
  /^ok/ { for (i = 0; i < n; i++) print $2, names[i] } { n = 0 }')
[ -n "$targets" ] || { echo "fuzz: there is no fuzz target" >&2; exit 1; }
while read -r package name; do
  echo "== $name in $package for $time"
  go test -run='^$' -fuzz="^$name\$" -fuzztime="$time" "$package"
done <<<"$targets"
