#!/usr/bin/env bash
# coverage.sh PROFILE MIN_TOTAL MIN_JOB prints the statement coverage of every
# package and fails below the floors. Test suites and fakes (storetest, mltest, clienttest)
# are tests and do not count.
set -euo pipefail
profile=$1 min_total=$2 min_job=$3

sort -u "$profile" | awk -v min_total="$min_total" -v min_job="$min_job" '
  /^mode:/ || /\/[a-z]+test\// { next }
  {
    # module/package/file.go:from,to statements count
    statements = $(NF-1); hit = $NF > 0
    block = $1
    if (!(block in size)) { size[block] = statements }
    if (hit) { covered[block] = 1 }
  }
  END {
    for (block in size) {
      pkg = block
      sub(/:[^:]*$/, "", pkg); sub(/\/[^\/]*$/, "", pkg)
      all[pkg] += size[block]; total += size[block]
      if (block in covered) { done[pkg] += size[block]; sum += size[block] }
      if (pkg ~ /\/internal\/job$/) { job = pkg }
    }
    order = "sort -n -k 2"
    for (pkg in all) { printf "%-58s %6.1f %%  %6d statements\n", pkg, 100 * done[pkg] / all[pkg], all[pkg] | order }
    close(order)
    if (total == 0) { print "coverage: the profile is empty" > "/dev/stderr"; exit 1 }
    percent = 100 * sum / total
    printf "coverage of statements: %.1f %% of %d (at least %s %%)\n", percent, total, min_total
    if (job == "") { print "coverage: internal/job is not in the profile" > "/dev/stderr"; exit 1 }
    of_job = 100 * done[job] / all[job]
    printf "coverage of internal/job: %.1f %% of %d (at least %s %%)\n", of_job, all[job], min_job
    if (percent < min_total || of_job < min_job) { print "coverage: below the floor" > "/dev/stderr"; exit 1 }
  }'
