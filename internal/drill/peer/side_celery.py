"""Celery on Redis. This process submits, another one is the worker. Tasks that
do nothing are worked on by threads, which is faster than Celery's default, a
process for each processor.

A load is read from standard input as JSON, and what was measured is written to
standard output; see Load and Ran in queue.go. Starting is no part of the time.
"""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time

try:
    import celery
    import redis  # noqa: F401, which Celery needs for its broker
except ImportError:
    celery = None

# Results are not kept, which is the default without a result backend, and a
# task is acknowledged before it runs, which is the default, too.
HOW = "results not kept, acknowledged before a task runs (both its default), one process submits and one works, by threads (by default processes; so it is faster)"
QUEUE = "celery-bench"
PAYLOAD = "job_00000000000000000000000000000000"


def app(load):
    it = celery.Celery("bench", broker=load["url"])
    it.conf.task_default_queue = QUEUE
    it.conf.worker_hijack_root_logger = False
    return it


def tell(pipe, what):
    os.write(pipe, (json.dumps(what) + "\n").encode())


def leave():
    """Ends this process in good order when the other one has no more to say, or
    is gone."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def work(pipe):
    """The worker, which tells when it is ready, and of the last task's end. It
    starts without a look for other workers, which only takes a while."""
    load = json.loads(sys.stdin.readline())
    ended = itertools.count(1)
    it = app(load)

    @it.task(name="noop")
    def noop(_):
        if next(ended) == load["tasks"]:
            tell(pipe, time.monotonic())

    def ready(**_):
        threading.Thread(target=leave, daemon=True).start()
        tell(pipe, "ready")

    celery.signals.worker_ready.connect(ready)
    it.Worker(pool="threads", concurrency=load["slots"], loglevel="ERROR", quiet=True, without_mingle=True, without_gossip=True).start()


def submit(load):
    """Has every caller submit one task after another."""
    it = app(load)
    numbers = itertools.count(1)
    failures = []

    def caller():
        try:
            while next(numbers) <= load["tasks"]:
                it.send_task("noop", (PAYLOAD,))
        except Exception as e:  # told to whoever waits
            failures.append(e)

    callers = [threading.Thread(target=caller) for _ in range(load["callers"])]
    for c in callers:
        c.start()
    for c in callers:
        c.join()
    if failures:
        raise failures[0]


def main():
    load = json.load(sys.stdin)
    if celery is None:
        json.dump({"absent": "Celery: install python3-celery and python3-redis"}, sys.stdout)
        return
    reading, writing = os.pipe()
    command = [sys.executable, os.path.abspath(__file__), str(writing)]
    worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(writing,), text=True)
    os.close(writing)
    with worker, os.fdopen(reading) as told:  # leaving it closes the worker's input
        print(json.dumps(load), file=worker.stdin, flush=True)
        if not told.readline():
            raise RuntimeError("the worker has ended before it began")
        start = time.monotonic()
        submit(load)
        end = told.readline()
        if not end:
            raise RuntimeError("the worker has ended before its tasks")
        seconds = json.loads(end) - start
    json.dump({"version": "Celery " + celery.__version__, "how": HOW, "seconds": seconds}, sys.stdout)


if len(sys.argv) > 1:
    work(int(sys.argv[1]))
else:
    main()
