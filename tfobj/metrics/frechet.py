"""Frechet distance of two sets of feature vectors, the arithmetic of the FID (Heusel et al. 2017, Equation 6).

Host arithmetic in float64: a covariance of 2,048 features of a neural network loses too much in float32.
"""

import warnings

import numpy as np
import scipy.linalg

from tfobj.errors import UserError

_RIDGE = 1e-6  # on both diagonals where the product of the covariances has no square root
_MOST_IMAGINARY = 1e-3  # on the diagonal of the square root, from rounding


class FeatureStatistics:
    """Mean and covariance of vectors that arrive in batches; float64, nothing but the sums is kept.

    Attributes:
        count: int. Vectors so far.

    Args:
        size: int. Entries of a vector.
    """

    def __init__(self, size):
        self.count = 0
        self._mean = np.zeros(size)
        self._scatter = np.zeros((size, size))  # sum of the outer products of deviations from the mean

    def add(self, features):
        """Adds vectors.

        Args:
            features: Array [N, size].
        """
        features = np.asarray(features, np.float64)
        if not len(features):
            return
        mean = features.mean(axis=0)
        centered, shift = features - mean, mean - self._mean
        total = self.count + len(features)
        # Chan, Golub and LeVeque (1979): exact, whatever the batches are, and without the difference of large squares.
        self._scatter += centered.T @ centered + np.outer(shift, shift) * (self.count * len(features) / total)
        self._mean += shift * (len(features) / total)
        self.count = total

    @property
    def mean(self):
        """float64 [size]."""
        return self._mean

    @property
    def covariance(self):
        """float64 [size, size], unbiased.

        Raises:
            UserError: of fewer than two vectors there is none.
        """
        if self.count < 2:
            raise UserError(f"a covariance needs at least 2 images, not {self.count}; use more")
        return self._scatter / (self.count - 1)


def frechet_distance(first, second):
    """|mean1 - mean2|^2 + trace(cov1 + cov2 - 2 (cov1 cov2)^(1/2)).

    Args:
        first: `FeatureStatistics`.
        second: `FeatureStatistics` of vectors of the same size.

    Returns:
        float. 0 for equal statistics, up to rounding, which may make it slightly negative.

    Raises:
        UserError: the product of the covariances has no real square root.
    """
    covariances = first.covariance, second.covariance
    root = _square_root(covariances[0] @ covariances[1])
    if not np.isfinite(root).all():
        ridge = _RIDGE * np.eye(len(first.mean))
        root = _square_root((covariances[0] + ridge) @ (covariances[1] + ridge))
    if np.iscomplexobj(root):
        imaginary = np.abs(np.diagonal(root).imag).max()
        if not imaginary < _MOST_IMAGINARY:
            raise UserError("the covariances of the features have no common real square root (imaginary part "
                            f"{imaginary:.2g}); compare more than {min(first.count, second.count)}: --split=train has "
                            "the most images, --num_samples draws more scenes")
        root = root.real
    shift = first.mean - second.mean
    return float(shift @ shift + np.trace(covariances[0]) + np.trace(covariances[1]) - 2.0 * np.trace(root))


def _square_root(matrix):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the matrix is singular shows in the result
        return scipy.linalg.sqrtm(matrix)
