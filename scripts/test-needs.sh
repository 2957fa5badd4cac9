#!/usr/bin/env bash
# Installs what the tests need and what is missing: redis-server, pandas for the
# recipes that are exported, and the npm packages of the tests that speak to
# JavaScript libraries. Where a package cannot be installed it says which tests
# are skipped without it; where CI is set, none may be.
set -euo pipefail
cd "$(dirname "$0")/.."

# without says what is skipped without a package.
without() {
  echo "test-needs: $1 is missing, and $2" >&2
  if [ -n "${CI:-}" ]; then
    echo "test-needs: CI is set, and a continuous integration run must not skip tests; install $1" >&2
    exit 1
  fi
  echo "test-needs: these tests are skipped, and say so in go test -v:" >&2
  case $1 in
    redis-server)
      cat >&2 <<'END'
  internal/embedded  the redis-server child: its data, its restarts, what is left over of it
  internal/queue     deliveries by a redis-server, and when it is killed
  internal/drill     the benchmark of jobs
  internal/drill/chaos  the short chaos run
test-needs: all others run, with an in-memory Redis
END
      ;;
    python3-pandas) echo "  internal/recipe    recipes as programs for pandas" >&2 ;;
  esac
  echo "test-needs: to run every test: apt-get install $1" >&2
}

updated=
install() {
  local as_root=()
  if ! command -v apt-get >/dev/null; then
    without "$1" "there is no apt-get to install it"
    return
  fi
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      without "$1" "installing it needs root, or sudo without a password"
      return
    fi
    as_root=(sudo -n)
  fi
  echo "test-needs: installing $1"
  if [ -z "$updated" ]; then
    "${as_root[@]}" apt-get update -qq
    updated=yes
  fi
  # Only the program is wanted, not a service that listens on the usual port.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
    apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}

if ! command -v redis-server >/dev/null; then
  install redis-server
fi
if ! "${NARRATIVE_BENCH_PYTHON:-/usr/bin/python3}" -c 'import pandas' 2>/dev/null && ! python3 -c 'import pandas' 2>/dev/null; then
  install python3-pandas
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
