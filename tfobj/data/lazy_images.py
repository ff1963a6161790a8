"""Images that are preprocessed when they are asked for."""

import concurrent.futures

import numpy as np

from tfobj.data import machine

_ROWS_PER_TASK, _ROWS_AT_ONCE = 8, 2048
_KEPT_SHARE = 0.25  # of the free memory, that may be filled with preprocessed images


class LazyImages:
    """Looks like an array [N, ...] of preprocessed images; rows are computed at their first use, on all cores.

    The results are kept if all of them take no more than a quarter of the free memory (60,000 images of 128x128x3 in
    float32 take 12 GB), else computed again at each use. Images that pass unchanged are not kept a second time.

    Args:
        images: uint8 [M,H,W,C] or [M,T,H,W,C], native images, possibly mapped from a file.
        positions: int [N]. Which of them.
        preprocessing: `tfobj.data.framing.Preprocessing`.

    Attributes:
        shape: Tuple of ints.
        dtype: `np.dtype`, uint8 or float32.
        nbytes: int, of all images.
    """

    def __init__(self, images, positions, preprocessing):
        self._images, self._positions, self._preprocessing = images, np.asarray(positions), preprocessing
        self.shape = (len(self._positions), *images.shape[1:-3], *preprocessing.image_shape)
        self.dtype = np.dtype(np.uint8 if preprocessing.keeps_values else np.float32)
        self.nbytes = int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize
        self._kept = None
        if not preprocessing.keeps_everything and self.nbytes <= _KEPT_SHARE * machine.free_memory():
            self._kept, self._is_kept = np.empty(self.shape, self.dtype), np.zeros(len(self), bool)
        self._pool = concurrent.futures.ThreadPoolExecutor(machine.cores())  # starts its threads when they are needed

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        """The images at `key`: whatever selects elements of an array [N]."""
        rows = np.asarray(np.arange(len(self))[key])
        if self._kept is None:
            return self._computed(rows.reshape(-1)).reshape(*rows.shape, *self.shape[1:])
        self._keep(rows)
        return self._kept[rows]

    def __array__(self, dtype=None, copy=None):
        """All images, for `np.asarray`."""
        rows = np.arange(len(self))
        if self._kept is None:
            return self._computed(rows).astype(dtype or self.dtype, copy=False)
        self._keep(rows)
        return self._kept.astype(dtype or self.dtype, copy=bool(copy))

    def _keep(self, rows):
        """Computes those of the rows, int [...], that are not there yet."""
        missing = np.unique(rows[~self._is_kept[rows]])
        for start in range(0, len(missing), _ROWS_AT_ONCE):
            part = missing[start:start + _ROWS_AT_ONCE]
            # Threads that miss the same rows write the same values; rows count as kept when they are complete.
            self._kept[part] = self._computed(part)
            self._is_kept[part] = True

    def _computed(self, rows):
        """Preprocessed images, [n, ...], of rows, int [n]."""
        results = np.empty((len(rows), *self.shape[1:]), self.dtype)

        def fill(start):
            part = np.s_[start:start + _ROWS_PER_TASK]
            images = self._images[self._positions[rows[part]]]
            frames = images.reshape(-1, *images.shape[-3:])  # [n,H,W,C] or [n*T,H,W,C]
            results[part] = self._preprocessing.images(frames).reshape(-1, *self.shape[1:])

        list(self._pool.map(fill, range(0, len(rows), _ROWS_PER_TASK)))
        return results
