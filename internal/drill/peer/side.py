"""What every peer's script has in common.

A script is started for one trial. It reads the trial from standard input as
JSON, does its steps in order, and writes what it measured to standard output as
JSON; see Trial and Outcome in trial.go. Loading of libraries and data is never
part of a time. Threads that wait must not spin: the caller sets OMP_WAIT_POLICY
to passive before the start, since libraries read it when they are loaded.
"""

import ctypes
import gc
import json
import sys
import time

import numpy


class Absent(Exception):
    """The library is not installed; the text names the package."""


class Trial:
    """What is to be done, with the data that a step needs loaded before it."""

    def __init__(self, given, dtype):
        self.__dict__.update(given)
        self.dtype = dtype
        self.width = len(self.categories)
        self.categorical = [i for i, n in enumerate(self.categories) if n > 0]
        self.x, self.y = self._load(self.train)
        self.held = None

    def _load(self, files):
        x = numpy.fromfile(files["x"], "<f4").reshape(-1, self.width)
        y = numpy.fromfile(files["y"], "<f4")
        return x.astype(self.dtype, copy=False), y

    def held_out(self):
        """The held-out rows, loaded when they are first asked for."""
        if self.held is None:
            self.held = self._load(self.test)[0]
        return self.held

    def first(self, rows):
        """The beginning of the training table."""
        return self.x[:rows], self.y[:rows]


def timed(do):
    """What do returns, and the seconds that it took."""
    gc.collect()
    start = time.perf_counter()
    result = do()
    return result, time.perf_counter() - start


def status(field):
    """Bytes of a field of this process's memory."""
    with open("/proc/self/status", encoding="ascii") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1]) << 10
    raise RuntimeError("the system does not tell " + field)


def above(do):
    """What do returns, and the bytes by which memory rose meanwhile at most."""
    gc.collect()
    before = status("VmRSS")
    with open("/proc/self/clear_refs", "w", encoding="ascii") as peak:
        peak.write("5")
    result = do()
    return result, status("VmHWM") - before


def foreign_call():
    """The seconds that a call of a C function of four arguments takes from
    here, when the function does next to nothing."""
    nothing = ctypes.CDLL(None).toupper
    nothing.argtypes = [ctypes.c_void_p] * 4
    calls = [ctypes.c_void_p(i) for i in range(100_000)]
    same = ctypes.c_void_p(1)

    def loop():
        for c in calls:
            nothing(c, same, same, same)

    return timed(loop)[1] / len(calls)


def run(script):
    """Carries out the trial on standard input with the functions of a script:
    version(), dtype, bin(trial), fit(trial, x, y, trees) -> model,
    predict(trial, model, x) -> array, and rows(trial, model, x) -> seconds for
    one row."""
    given = json.load(sys.stdin)
    try:
        version = script.version()
    except Absent as e:
        json.dump({"absent": str(e)}, sys.stdout)
        return
    trial = Trial(given, script.dtype)
    outcome = {"version": version}
    model = None
    for step in trial.steps:
        if step == "bin":
            outcome["bin"] = timed(lambda: script.bin(trial))[1]
        elif step == "train":
            cpu = time.process_time()
            (model, seconds), rise = above(lambda: timed(lambda: script.fit(trial, trial.x, trial.y, trial.trees)))
            outcome["train"], outcome["memory"], outcome["train_cpu"] = seconds, rise, time.process_time() - cpu
        elif step == "score":
            p = numpy.ascontiguousarray(script.predict(trial, model, trial.held_out()), "<f8")
            p.tofile(trial.out)
        elif step == "predict":
            x = trial.held_out()
            outcome["predict"] = timed(lambda: script.predict(trial, model, x))[1]
        elif step == "row":
            outcome["row"] = script.rows(trial, model, trial.held_out()[: trial.row_calls])
        elif step == "predict-many":
            x, many = trial.held_out(), script.fit(trial, *trial.first(trial.many_rows), trial.many_trees)
            outcome["predict_many"] = timed(lambda: script.predict(trial, many, x))[1]
        else:
            raise ValueError("there is no step " + step)
    json.dump(outcome, sys.stdout)
