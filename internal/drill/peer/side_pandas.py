"""pandas, as most people begin with a file: read_csv, describe and corr, by
their defaults. describe is asked for every column, not only for numbers.

What is to be read comes from standard input as JSON, and what was measured is
written to standard output; see Description and Described in describe.go.
Loading the library is no part of the time.
"""

import json
import sys

try:
    import pandas

    import side
except ImportError:
    pandas = None


def describe(file):
    outcome = {}
    table, outcome["read"] = side.timed(lambda: pandas.read_csv(file))
    _, outcome["describe"] = side.timed(lambda: table.describe(include="all"))
    _, outcome["correlate"] = side.timed(lambda: table.corr(numeric_only=True))
    outcome["rows"], outcome["columns"] = table.shape
    return outcome


def main():
    given = json.load(sys.stdin)
    if pandas is None:
        json.dump({"absent": "pandas: install python3-pandas"}, sys.stdout)
        return
    outcome, rise = side.above(lambda: describe(given["file"]))
    outcome["memory"], outcome["version"] = rise, "pandas " + pandas.__version__
    json.dump(outcome, sys.stdout)


if __name__ == "__main__":
    main()
