"""How fast the device is at best: a large matrix product and a large copy, the fastest of some repeats."""

import time

_SECONDS = 0.08  # of one measurement
_REPEATS = 5
_SMALLEST_SIDE, _LARGEST_SIDE = 512, 16_384
_COPY = 2**28  # bytes, more than caches hold


def measure(device, precisions):
    """Measures the device.

    Args:
        device: Module `tensorflow_device` or `jax_device`.
        precisions: Sequence of str, see `device.matrix_product`.

    Returns:
        Dict: `matrix_product`, dict from precision to FLOP/s; `copy`, bytes per second, read and written bytes counted.
    """
    return {"matrix_product": {precision: _matrix_product(device, precision) for precision in precisions},
            "copy": _copy(device)}


def _matrix_product(device, precision):
    """The highest rate of sizes that double until one of them takes long enough."""
    side, rate, seconds = _SMALLEST_SIDE, 0.0, 0.0
    while side <= _LARGEST_SIDE and seconds < _SECONDS / 2:
        seconds = _seconds(device, *device.matrix_product(side, precision))
        rate, side = max(rate, 2 * side**3 / seconds), 2 * side
    return rate


def _copy(device):
    return 2 * _COPY / _seconds(device, *device.copy(_COPY))


def _seconds(device, function, first):
    """Seconds of one call out of many, each of which takes the result of the one before."""
    _timed(device, function, first(), 1)  # compiles
    once = _timed(device, function, first(), 1)
    count = max(1, round(_SECONDS / max(once, 1e-5)))
    return min(_timed(device, function, first(), count) for _ in range(_REPEATS)) / count


def _timed(device, function, value, count):
    device.wait(value)
    began = time.perf_counter()
    for _ in range(count):
        value = function(value)
    device.wait(value)
    return time.perf_counter() - began
