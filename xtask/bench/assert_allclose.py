"""Times numpy.testing.assert_allclose over the checks of two golden folders, in one process.

Usage: assert_allclose.py FOLDER FOLDER ROUNDS. Each round opens the archives anew, reads the y of
every check from both, and compares. Prints the seconds of each round and the number of checks.
"""

import json
import pathlib
import sys
import time

import numpy as np

TOLERANCES = {"f16": (1e-3, 1e-5), "f32": (1.3e-6, 1e-5), "f64": (1e-7, 1e-7)}


def answers(folder):
    """check -> (row's archive, member, dtype) of the one engine of a folder."""
    manifest = json.loads((folder / "manifest.json").read_text())
    (entries,) = manifest["answers"].values()
    described = {check: entry["y"].rsplit(" ", 1) for check, entry in entries.items() if "y" in entry}
    return {c: (c.split("/")[0], member, kind.split("[")[0]) for c, (kind, member) in described.items()}


def read(archives, folder, row, member, dtype):
    if row not in archives:
        archives[row] = np.load(folder / f"{row}.npz")
    array = archives[row][member]
    return array.view(np.float16) if dtype == "f16" else array


def compare(one, other, named, others):
    archives, other_archives = {}, {}
    for check, (row, member, dtype) in named.items():
        actual = read(archives, one, row, member, dtype)
        desired = read(other_archives, other, *others[check])
        rtol, atol = TOLERANCES[dtype]
        np.testing.assert_allclose(actual, desired, rtol=rtol, atol=atol)


def main():
    one, other, rounds = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    named, others = answers(one), answers(other)
    for _ in range(rounds):
        started = time.perf_counter()
        compare(one, other, named, others)
        print(time.perf_counter() - started, len(named), flush=True)


main()
