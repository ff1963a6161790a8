"""The metrics once more, in NumPy float64 and straight from their definitions: the oracle of the tests."""

import numpy as np


def contingency_table(true, predicted, num_true, num_predicted, ignore_background=False):
    """Counts label pairs of one image.

    Args:
        true: int array of any shape; 0 background, 255 ignored.
        predicted: int array of the same shape.
        num_true: int. Number of true labels, background included.
        num_predicted: int. Number of predicted labels.
        ignore_background: bool. Leaves out pixels whose true label is 0.

    Returns:
        int64 [num_true or num_true - 1, num_predicted].
    """
    true, predicted = np.asarray(true, np.int64).ravel(), np.asarray(predicted, np.int64).ravel()
    counted = (true != 255) & (predicted != 255) & (true < num_true) & (predicted < num_predicted)
    table = np.zeros((num_true, num_predicted), np.int64)
    np.add.at(table, (true[counted], predicted[counted]), 1)
    return table[1:] if ignore_background else table


def adjusted_rand_index(true, predicted, num_true, num_predicted, ignore_background=False):
    """Adjusted Rand index of one image; arguments as `contingency_table`. 1.0 where the formula is 0/0."""
    table = contingency_table(true, predicted, num_true, num_predicted, ignore_background)
    return rand_index_of_table(table)


def rand_index_of_table(table):
    """Adjusted Rand index of one integer table [KT,KP], a float; whole numbers until the last division."""
    total = int(table.sum())
    pairs = total * (total - 1)
    together, first, second = (sum(int(n) * (int(n) - 1) for n in counts.ravel())
                               for counts in (table, table.sum(axis=1), table.sum(axis=0)))
    spread = (first + second) * pairs - 2 * first * second
    return 1.0 if spread == 0 else 2 * (together * pairs - first * second) / spread


def segmentation_covering(true, predicted, ignore_background=False, weighted=False):
    """Segmentation covering of one image of integer labels; 255 and negative true labels are ignored. NaN if empty."""
    true, predicted = np.asarray(true, np.int64).ravel(), np.asarray(predicted, np.int64).ravel()
    counted = (true != 255) & (true >= 0)
    true, predicted = true[counted], predicted[counted]
    labels = [label for label in np.unique(true) if label or not ignore_background]
    best = [max((np.sum((true == label) & (predicted == other)) / np.sum((true == label) | (predicted == other))
                 for other in np.unique(predicted)), default=0.0) for label in labels]
    weights = [np.sum(true == label) if weighted else 1 for label in labels]
    return float(np.average(best, weights=weights)) if labels else float("nan")


def mse_mean(image, reconstruction):
    """Mean squared error of each image: [B,...] -> float64 [B]."""
    difference = np.asarray(image, np.float64) - np.asarray(reconstruction, np.float64)
    return np.square(difference).reshape(len(difference), -1).mean(axis=1)


def mse_sum(image, reconstruction):
    """Summed squared error of each image: [B,...] -> float64 [B]."""
    return mse_mean(image, reconstruction) * np.asarray(image)[0].size
