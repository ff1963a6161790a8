"""Makes the shipped copies of the reference's IODINE arrays from the full ones.

    python -m tests.golden.trim_iodine DIRECTORY_OF_THE_FULL_ARRAYS

Maps keep every third row and every fourth column, under the name with `_sub`. The weights, their gradients and their
values after training become one vector each, in the order of their names, because an archive needs a third of a kilobyte
for every array; but for the weights themselves and for `iodine_clevr`, those with more than 64 entries keep every 11th.
All but `iodine_clevr` become float32. Inputs of the refinement network that are outputs too are left out.
"""

import pathlib
import sys

import numpy as np

from tests.golden.test_golden_iodine import ENTRIES, FILES, SMALL, is_map, part_of

EXACT = "clevr"
WHOLE = "stage/dec_input_t0"  # repeats a few vectors
TWICE = {f"in/{name}" for name in ("components", "mask", "pred_mask", "image", "capacity", "flat_capacity", "zp")}


def trimmed(name, arrays):
    """The arrays of the archive `name` to ship, dict."""
    kept = {}
    groups = {"w": 1, "grad": 1 if name == EXACT else ENTRIES, "w_after2": ENTRIES}
    for group, step in groups.items():
        members = sorted(key for key in arrays if key.startswith(f"{group}/") and key != "grad/global_norm")
        values = [arrays.pop(key).ravel() for key in members]
        kept[group] = np.concatenate([value if value.size <= SMALL else value[::step] for value in values])
    for key, value in arrays.items():
        if key in TWICE:
            continue
        key = f"{key}_sub" if is_map(key) and key != WHOLE else key
        kept[key] = part_of(value, key)
    return {key: value.astype(np.float32) if value.dtype == np.float64 and name != EXACT
            and not key.startswith("config/") else value for key, value in kept.items()}


def main():
    """Writes every archive beside this file."""
    for name in FILES:
        with np.load(pathlib.Path(sys.argv[1]) / f"iodine_{name}.npz") as archive:
            kept = trimmed(name, dict(archive))
        path = pathlib.Path(__file__).parent / f"iodine_{name}.npz"
        np.savez_compressed(path, **kept)
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
