"""Assignment problems for `tfobj.ops.matching` that both backends solve.

    python -P tests/ops/matching_cases.py FILE.npz

solves them on the JAX backend within `jax.jit`, in a process in which TensorFlow cannot be imported, and writes
`<method>/<case>`. The repository root must be on PYTHONPATH.
"""

import os
import sys

import numpy as np

if __name__ == "__main__":
    os.environ["KERAS_BACKEND"] = "jax"
    sys.modules["tensorflow"] = None  # every import of it fails

from tfobj.ops.matching import assignment  # noqa: E402
from tfobj.ops.set_loss import pairing  # noqa: E402

SHAPES = ((5, 10, 10), (6, 4, 7), (6, 7, 4), (3, 1, 1), (4, 1, 5), (4, 5, 1))


def cases():
    """Dict from name to costs, float32 [B,R,K]: random ones, and ones with many equal entries."""
    rng = np.random.default_rng(0)
    costs = {"x".join(map(str, shape)): rng.random(shape) for shape in SHAPES}
    costs["ties"] = rng.integers(0, 3, (20, 6, 6))
    costs["constant"] = np.ones((2, 4, 4))
    costs["negative"] = -rng.random((5, 6, 6)) * 100.0
    return {name: value.astype(np.float32) for name, value in costs.items()}


def padded_case():
    """Costs [8,7,4] and which rows are padding [8,7]: 0 to 7 objects in any order, padding the cheapest of all."""
    rng = np.random.default_rng(1)
    padding = rng.permuted(np.arange(7) >= np.arange(8)[:, None], axis=1)
    costs = rng.random((8, 7, 4)) + np.where(padding, 0.0, 5.0)[..., None]
    return costs.astype(np.float32), padding


def _main():
    import jax

    solved = {f"{method}/{name}": np.asarray(jax.jit(lambda costs, method=method: assignment(costs, method))(costs))
              for method in ("subsets", "scipy") for name, costs in cases().items()}
    solved["padded"] = np.asarray(jax.jit(pairing)(*padded_case()[:1], padding=padded_case()[1]))
    np.savez(sys.argv[1], **solved)


if __name__ == "__main__":
    _main()
