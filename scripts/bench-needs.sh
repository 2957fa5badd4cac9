#!/usr/bin/env bash
# Installs the peers of `make bench AREA=ml|jobs|data` that are missing: those that
# Debian has, and BullMQ, whose packages npm puts below build/. A peer that
# cannot be installed is no failure: the figures say that they are without it.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
python=${NARRATIVE_BENCH_PYTHON:-/usr/bin/python3}
if [ "$python" = /usr/bin/python3 ]; then # another Python has its own packages
  "$python" -c 'import xgboost' 2>/dev/null || missing+=(python3-xgboost)
  "$python" -c 'import sklearn' 2>/dev/null || missing+=(python3-sklearn)
  "$python" -c 'import pandas' 2>/dev/null || missing+=(python3-pandas)
  "$python" -c 'import celery, redis' 2>/dev/null || missing+=(python3-celery python3-redis)
fi
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)

install_missing() {
  local as_root=() package
  if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      echo "bench-needs: without ${missing[*]}; install them to measure against them" >&2
      return
    fi
  fi
  if ! command -v apt-get >/dev/null; then
    echo "bench-needs: without ${missing[*]}, and there is no apt-get; install them by hand" >&2
    return
  fi
  echo "bench-needs: installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || true
  for package in "${missing[@]}"; do
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
      echo "bench-needs: $package cannot be installed; going on without it" >&2
  done
}

if [ ${#missing[@]} -gt 0 ]; then
  install_missing
fi

bullmq=build/bullmq
lock=internal/drill/peer/bullmq/package-lock.json
if ! command -v npm >/dev/null; then
  echo "bench-needs: without BullMQ, as npm is missing" >&2
elif ! cmp -s "$lock" "$bullmq/package-lock.json" || [ ! -e "$bullmq/node_modules/.package-lock.json" ]; then
  echo "bench-needs: npm ci in $bullmq"
  mkdir -p "$bullmq"
  cp "${lock%/*}"/package*.json "$bullmq/"
  (cd "$bullmq" && npm ci --ignore-scripts --no-audit --no-fund --silent) || {
    rm -rf "$bullmq"
    echo "bench-needs: BullMQ cannot be installed; going on without it" >&2
  }
fi
