#!/usr/bin/env bash
# Installs what the tests need and what is missing: redis-server, and the npm
# packages of the tests that speak to JavaScript libraries.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v redis-server >/dev/null; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      echo "test-needs: redis-server is missing; install it (Debian: apt-get install redis-server)" >&2
      exit 1
    fi
    as_root=(sudo -n)
  fi
  if ! command -v apt-get >/dev/null; then
    echo "test-needs: redis-server is missing and there is no apt-get; install it by hand" >&2
    exit 1
  fi
  echo "test-needs: installing redis-server"
  # Only the program is wanted, not a service that listens on the usual port.
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -qq --no-install-recommends redis-server >/dev/null
fi

# Every committed lock file outside web/ belongs to a test.
find . -name package-lock.json -not -path '*/node_modules/*' -not -path './web/*' -print | while read -r lock; do
  dir=$(dirname "$lock")
  if [ "$dir/node_modules/.package-lock.json" -nt "$lock" ]; then
    continue
  fi
  if ! command -v npm >/dev/null; then
    echo "test-needs: npm is missing; install Node.js 20 or later" >&2
    exit 1
  fi
  echo "test-needs: npm ci in $dir"
  (cd "$dir" && npm ci --ignore-scripts --no-audit --no-fund --silent)
done
