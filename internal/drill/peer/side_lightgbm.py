"""LightGBM. It takes rows of float32 without a copy."""

import ctypes
import sys

import side

try:
    import lightgbm
except ImportError:
    lightgbm = None

dtype = "f4"
NARROW = 64  # columns up to which histograms by row are always the faster ones


def version():
    if lightgbm is None:
        raise side.Absent("LightGBM: no module lightgbm for this Python (PyPI: lightgbm)")
    return "LightGBM " + lightgbm.__version__


def params(trial):
    p = {
        "objective": "binary" if trial.classes == 2 else "multiclass",
        "num_leaves": trial.leaves,
        "learning_rate": trial.rate,
        "max_bin": trial.bins,
        "min_data_in_leaf": trial.min_child,
        "num_threads": trial.threads,
        "seed": trial.seed,
        "verbose": -1,
    }
    if trial.classes > 2:
        p["num_class"] = trial.classes
    if trial.width <= NARROW:
        p["force_row_wise"] = True  # saves it the time to try both ways
    if trial.quantized:
        p["use_quantized_grad"] = True
    return p


def dataset(trial, x, y):
    return lightgbm.Dataset(x, y, params=params(trial), categorical_feature=trial.categorical).construct()


def bin(trial):
    return dataset(trial, trial.x, trial.y)


def fit(trial, x, y, trees):
    return lightgbm.train(params(trial), dataset(trial, x, y), trees)


def predict(trial, model, x):
    return model.predict(x, num_threads=trial.threads)


def rows(trial, model, x):
    """By the C function for single rows with everything prepared, called
    through ctypes; what an empty call takes is not counted."""
    lib = lightgbm.basic._LIB
    x = x.astype("f8")
    out = (ctypes.c_double * trial.classes)()
    length = ctypes.c_int64()
    fast = ctypes.c_void_p()
    code = lib.LGBM_BoosterPredictForMatSingleRowFastInit(
        model._handle, ctypes.c_int(0), ctypes.c_int(0), ctypes.c_int(-1), ctypes.c_int(1),
        ctypes.c_int32(trial.width), b"num_threads=1", ctypes.byref(fast))
    if code != 0:
        raise RuntimeError("LightGBM cannot prepare for single rows")
    call = lib.LGBM_BoosterPredictForMatSingleRowFast
    call.argtypes = [ctypes.c_void_p] * 4
    addresses = [ctypes.c_void_p(x.ctypes.data + i * x.strides[0]) for i in range(len(x))]
    result, count = ctypes.cast(out, ctypes.c_void_p), ctypes.cast(ctypes.pointer(length), ctypes.c_void_p)

    def loop():
        for a in addresses:
            call(fast, a, count, result)

    loop()  # warm
    return max(side.timed(loop)[1] / len(x) - side.foreign_call(), 0)


if __name__ == "__main__":
    side.run(sys.modules[__name__])
