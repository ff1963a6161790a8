"""The cheapest pairing of two sets, exactly, for a whole batch (the assignment problem of Hungarian matching).

Letters: B problems, R rows, K columns, n = min(R, K) pairs.
"""

import functools
import itertools

import keras
import numpy as np
from keras import ops

METHODS = ("auto", "subsets", "scipy")

LARGEST = 12
"""Most columns (or rows, if there are more) for which `subsets` is used by `auto`: its work doubles with each."""


def assignment(costs, method="auto"):
    """Pairs rows with columns so that the sum of the costs of all pairs is as small as possible.

    `subsets` is dynamic programming over the sets of columns that the first rows take: tensor operations alone, which
    XLA compiles, every device runs and replicas do not queue for. 512 problems of size 10 take it 3 ms in a TensorFlow
    graph on two CPU cores, 0.7 ms with XLA and 2 ms on JAX. `scipy` calls SciPy on the host, for any size: 1.5 ms, but
    the device waits for the host meanwhile, and TensorFlow cannot compile it with XLA. Both are exact; where several
    pairings are best, they may choose differently.

    Args:
        costs: Float [B,R,K]. No gradient goes through the choice.
        method: str of `METHODS`. `auto`: `subsets` for up to `LARGEST` rows and columns, else `scipy`.

    Returns:
        float32 [B,R,K] of zeros and ones: one in every row if R <= K, one in every column if R >= K.

    Raises:
        ValueError: unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} is unknown; choose one of: {', '.join(METHODS)}")
    num_rows, num_columns = costs.shape[1:]
    if num_rows > num_columns:
        return ops.transpose(assignment(ops.transpose(costs, (0, 2, 1)), method), (0, 2, 1))
    if method == "auto":
        method = "subsets" if num_columns <= LARGEST else "scipy"
    columns = {"subsets": _by_subsets, "scipy": _by_scipy}[method](ops.stop_gradient(costs))  # [B,R]
    return ops.one_hot(columns, num_columns, dtype="float32")


def _by_subsets(costs):
    """Column of every row, int32 [B,R], R <= K.

    The best cost of the first i rows on a set of i columns is the minimum over the column that row i takes. Costs are
    kept with the batch last, so that looking up a set copies a piece of memory; which column was best is looked at only
    on the way back, for the sets that are part of the solution.
    """
    steps = _subset_steps(*costs.shape[1:])
    rows = ops.transpose(costs, (1, 2, 0))  # [R,K,B]
    best, before = ops.zeros_like(rows[0, :1]), []  # [number of sets, B]
    for row, (members, rest) in enumerate(steps):
        before.append(best)
        best = ops.min(_take(best, rest) + _take(rows[row], members), axis=1)
    chosen = ops.argmin(best, axis=0)  # [B], the set of all columns in use
    columns = []
    for row in reversed(range(len(steps))):
        members, rest = (_take(ops.convert_to_tensor(table), chosen) for table in steps[row])  # [B,row+1]
        totals = _take_rows(ops.transpose(before[row]), rest) + _take_rows(costs[:, row], members)
        last = ops.argmin(totals, axis=1)[:, None]  # [B,1]
        columns.append(_take_rows(members, last)[:, 0])
        chosen = _take_rows(rest, last)[:, 0]
    return ops.stack(columns[::-1], axis=1)


@functools.cache
def _subset_steps(num_rows, num_columns):
    """For 1, 2, ... `num_rows` columns: the members of every set of so many, int32 [sets,size], and in the same shape
    the number of the set without that member among those of the step before."""
    steps, numbers = [], {(): 0}
    for size in range(1, num_rows + 1):
        sets = list(itertools.combinations(range(num_columns), size))
        rest = [[numbers[members[:place] + members[place + 1:]] for place in range(size)] for members in sets]
        steps.append((np.array(sets, np.int32), np.array(rest, np.int32)))
        numbers = {members: number for number, members in enumerate(sets)}
    return steps


def _take(values, indices):
    """`values[indices]` along the first axis. Without the checks of `keras.ops.take`, by which JAX is five times slower
    and takes a quarter of a minute to compile."""
    if keras.config.backend() == "jax":
        return values.at[indices].get(mode="promise_in_bounds")
    import tensorflow as tf

    return tf.gather(values, indices)


def _take_rows(values, indices):
    """`values[b, indices[b]]`, [B,N] and int [B,M] -> [B,M]."""
    if keras.config.backend() == "jax":
        rows = np.arange(values.shape[0])[:, None]
        return values.at[rows, indices].get(mode="promise_in_bounds")
    import tensorflow as tf

    return tf.gather(values, indices, batch_dims=1)


def _by_scipy(costs):
    """Column of every row, int32 [B,R], R <= K."""
    if keras.config.backend() == "jax":
        import jax

        shape = jax.ShapeDtypeStruct(costs.shape[:2], np.int32)
        return jax.pure_callback(_solve, shape, costs)
    import tensorflow as tf

    return tf.ensure_shape(tf.numpy_function(_solve, [costs], tf.int32, stateful=False), costs.shape[:2])


def _solve(costs):
    from scipy.optimize import linear_sum_assignment

    # SciPy refuses NaN with an error that says nothing; the loss is NaN then, and that stops the training.
    costs = np.nan_to_num(np.asarray(costs, np.float64))
    return np.array([linear_sum_assignment(problem)[1] for problem in costs], np.int32).reshape(costs.shape[:2])
