#!/usr/bin/env bash
# Installs the peers of `make bench AREA=ml` that Debian has and that are
# missing. A peer that cannot be installed is no failure: the figures say that
# they are without it.
set -euo pipefail

python=${NARRATIVE_BENCH_PYTHON:-/usr/bin/python3}
if [ "$python" != /usr/bin/python3 ]; then
  exit 0 # another Python has its own packages
fi
missing=()
"$python" -c 'import xgboost' 2>/dev/null || missing+=(python3-xgboost)
"$python" -c 'import sklearn' 2>/dev/null || missing+=(python3-sklearn)
if [ ${#missing[@]} -eq 0 ]; then
  exit 0
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  as_root=(sudo -n)
  if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
    echo "bench-needs: without ${missing[*]}; install them to measure against them" >&2
    exit 0
  fi
fi
if ! command -v apt-get >/dev/null; then
  echo "bench-needs: without ${missing[*]}, and there is no apt-get; install them by hand" >&2
  exit 0
fi
echo "bench-needs: installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq || true
for package in "${missing[@]}"; do
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$package" >/dev/null ||
    echo "bench-needs: $package cannot be installed; going on without it" >&2
done
