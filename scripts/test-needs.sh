#!/usr/bin/env bash
# Installs what the tests need and what is missing: redis-server, and the npm
# packages of the tests that speak to JavaScript libraries. Where redis-server
# cannot be installed it says which tests are skipped without it; where CI is
# set, none may be.
set -euo pipefail
cd "$(dirname "$0")/.."

without_redis() {
  echo "test-needs: redis-server is missing, and $1" >&2
  if [ -n "${CI:-}" ]; then
    echo "test-needs: CI is set, and a continuous integration run must not skip tests; install redis-server" >&2
    exit 1
  fi
  cat >&2 <<'END'
test-needs: these tests are skipped, and say so in go test -v:
  internal/embedded  the redis-server child: its data, its restarts, what is left over of it
  internal/queue     deliveries by a redis-server, and when it is killed
  internal/drill     the benchmark of jobs
  internal/drill/chaos  the short chaos run
test-needs: all others run, with an in-memory Redis. To run every test: apt-get install redis-server
END
}

install_redis() {
  local as_root=()
  if ! command -v apt-get >/dev/null; then
    without_redis "there is no apt-get to install it"
    return
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      without_redis "installing it needs root, or sudo without a password"
      return
    fi
    as_root=(sudo -n)
  fi
  echo "test-needs: installing redis-server"
  # Only the program is wanted, not a service that listens on the usual port.
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -qq --no-install-recommends redis-server >/dev/null
}

if ! command -v redis-server >/dev/null; then
  install_redis
fi

# Every committed lock file outside web/ belongs to a test, but for that of a
# peer of the benchmarks.
find . -name package-lock.json -not -path '*/node_modules/*' -not -path './web/*' -not -path './build/*' -not -path './internal/drill/*' -print | while read -r lock; do
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
