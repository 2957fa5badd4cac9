#!/usr/bin/env bash
# fuzz.sh TIME runs every fuzz target of the repository for TIME, one by one.
set -euo pipefail
cd "$(dirname "$0")/.."
for_each=${1:-10s}
found=0
# Inputs that reach new code are made shorter before the search goes on; without a
# bound that takes most of the time where inputs are long, as files of Parquet are.
minimize=20x
while IFS=: read -r file target; do
  found=$((found + 1))
  echo "fuzz: $(dirname "$file") $target"
  go test -run '^$' -fuzz "^${target}\$" -fuzztime "$for_each" -fuzzminimizetime "$minimize" "./$(dirname "$file")"
done < <(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' cmd internal jobs ml | sed -E 's/:func /:/')
if [ "$found" -eq 0 ]; then
  echo "fuzz: no target found" >&2
  exit 1
fi
echo "fuzz: $found targets held"
