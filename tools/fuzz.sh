#!/usr/bin/env bash
# Runs every fuzz target of the repository in turn: tools/fuzz.sh 30s. Stops at the first that finds something.
set -euo pipefail

time=${1:?usage: tools/fuzz.sh TIME}
found=0
while IFS=: read -r file name; do
  found=1
  echo "== $name in ${file%/*} for $time"
  go test -run='^$' -fuzz="^$name\$" -fuzztime="$time" "./${file%/*}"
done < <(git ls-files -co --exclude-standard '*_test.go' | xargs -r sed -nE 's/^func (Fuzz[A-Za-z0-9_]+)\(.*/\1/;T;F;p' |
  awk '/_test\.go$/ { file = $0; next } { print file ":" $0 }')
[ "$found" = 1 ] || { echo "fuzz: there is no fuzz target" >&2; exit 1; }
