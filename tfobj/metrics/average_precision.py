"""Average precision of predicted sets of objects (Locatello et al. 2020, Section 4.2; their code decides the details).

Letters: M images, K predictions and R target rows per image, 19 properties per row (`tfobj.properties`). NumPy and
float64: the ranking goes over all images at once, so there is nothing to add up over batches.
"""

import numpy as np

from tfobj import properties

THRESHOLDS = (-1.0, 1.0, 0.5, 0.25, 0.125)
"""Distances of the paper's tables; -1 stands for no limit."""

_IMAGES_AT_ONCE = 2048  # keeps the distances of a part in the processor's cache


def average_precision(predictions, targets, thresholds=THRESHOLDS):
    """Average precision at several distances.

    All predictions of all images are ranked by confidence, equal ones in the order in which they stand. Going down, a
    prediction claims the nearest real object of its image whose size, material, shape and colour are the predicted
    ones. It is right if there is one, nearer than the threshold, that nobody has claimed before; there is no second
    choice. Distances are in CLEVR's units.

    Args:
        predictions: float [M,K,19].
        targets: float [M,R,19]. Rows with presence 0 pad.
        thresholds: Sequence of float. A distance must be smaller; -1 accepts any.

    Returns:
        float64 [len(thresholds)] in [0,1]; NaN if there is no real object.
    """
    predictions, targets = np.asarray(predictions), np.asarray(targets)
    nearest, distances = _nearest_objects(predictions, targets)
    claims = nearest + np.arange(len(targets))[:, None] * targets.shape[1]  # [M,K], one number for each object
    order = np.argsort(-predictions[..., properties.PRESENCE].ravel(), kind="stable")
    claims, distances = claims.ravel()[order], distances.ravel()[order]
    number = np.count_nonzero(targets[..., properties.PRESENCE])
    return np.array([_area(_is_right(claims, distances, threshold), number) for threshold in thresholds])


def area_under_envelope(precision, recall):
    """Area under a precision-recall curve whose precision was made to fall with the recall (Pascal VOC, all points).

    Args:
        precision: float [n], from the most confident prediction on.
        recall: float [n], ascending.

    Returns:
        float64 in [0,1].
    """
    precision = np.concatenate([[0.0], precision, [0.0]])
    recall = np.concatenate([[0.0], recall, [1.0]])
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall) * envelope[1:]))


def _nearest_objects(predictions, targets):
    """For every prediction the row [M,K] of the nearest object that looks like it, and its distance, else infinity."""
    parts = [_nearest_of_part(predictions[start:start + _IMAGES_AT_ONCE], targets[start:start + _IMAGES_AT_ONCE])
             for start in range(0, len(predictions), _IMAGES_AT_ONCE)]
    return tuple(np.concatenate(part) for part in zip(*parts))


def _nearest_of_part(predictions, targets):
    fits = (targets[..., properties.PRESENCE] != 0)[:, None, :]  # [M,1,R]
    for columns in properties.COLUMNS.values():
        predicted, true = (values[..., columns].argmax(axis=-1) for values in (predictions, targets))
        fits = fits & (predicted[:, :, None] == true[:, None, :])  # [M,K,R]
    places, true = (values[..., properties.COORDINATES].astype(np.float64) for values in (predictions, targets))
    offsets = properties.COORDINATE_RANGE * (places[:, :, None] - true[:, None])  # [M,K,R,3]
    distances = np.where(fits, np.sqrt(np.square(offsets).sum(axis=-1)), np.inf)
    nearest = distances.argmin(axis=-1)
    return nearest, np.take_along_axis(distances, nearest[..., None], axis=-1)[..., 0]


def _is_right(claims, distances, threshold):
    """bool [n] over the ranking: the first prediction to claim an object near enough."""
    near = np.flatnonzero(distances < (np.inf if threshold == -1 else threshold))
    _, first = np.unique(claims[near], return_index=True)
    right = np.zeros(len(claims), bool)
    right[near[first]] = True
    return right


def _area(right, number):
    if not number:
        return float("nan")
    hits = np.cumsum(right)
    return area_under_envelope(hits / np.arange(1, len(right) + 1), hits / number)
