"""Transposed convolution as ordinary convolutions, one for each phase of the output.

The output pixels whose position has the same remainder modulo the stride see the same taps of the kernel, so they are
an ordinary convolution of the input; the phases are then interleaved. No multiplication with inserted zeros is made.
"""

from keras import ops


def conv_transpose_by_phases(inputs, kernel, strides):
    """What `keras.ops.conv_transpose(inputs, kernel, strides, padding="same")` computes, channels last.

    Args:
        inputs: [B,h,w,C].
        kernel: [kh,kw,D,C], sides at least as long as the strides.
        strides: Tuple (sh, sw) of ints.

    Returns:
        [B, h*sh, w*sw, D].
    """
    rows, columns = (_phases(kernel.shape[axis], strides[axis]) for axis in (0, 1))
    flipped = ops.transpose(ops.flip(kernel, axis=(0, 1)), (0, 1, 3, 2))  # [kh,kw,C,D]
    margins = [tuple(max(phase[side] for phase in phases) for side in (1, 2)) for phases in (rows, columns)]
    padded = ops.pad(inputs, ((0, 0), *margins, (0, 0)))
    height, width = inputs.shape[1:3]
    lines = []
    for row in rows:
        line = [_phase(padded, flipped, row, column, margins, (height, width), strides) for column in columns]
        lines.append(ops.stack(line, axis=3))  # [B,h,w,sw,D]
    outputs = ops.stack(lines, axis=2)  # [B,h,sh,w,sw,D]
    return ops.reshape(outputs, (-1, height * strides[0], width * strides[1], kernel.shape[2]))


def _phases(size, stride):
    """For each phase: (first tap in the flipped kernel, pixels needed before, pixels needed behind, taps)."""
    before = max(size - stride, 0) // 2  # TensorFlow's rule for "same"
    phases = []
    for phase in range(stride):
        # Output position o = stride * j + phase gets input i times tap t where o = stride * i + t - before.
        taps = [tap for tap in range(size) if (phase + before - tap) % stride == 0]
        shifts = [(phase + before - tap) // stride for tap in taps]  # i = j + shift, falling
        phases.append((size - 1 - taps[-1], -shifts[-1], shifts[0], len(taps)))
    return phases


def _phase(padded, flipped, row, column, margins, size, strides):
    """One phase, [B,h,w,D]."""
    (row_tap, above, below, _), (column_tap, left, right, _) = row, column
    taps = flipped[row_tap::strides[0], column_tap::strides[1]][:row[3], :column[3]]
    top, start = margins[0][0] - above, margins[1][0] - left
    window = padded[:, top:top + size[0] + above + below, start:start + size[1] + left + right]
    return ops.conv(window, taps, padding="valid", data_format="channels_last")


def covers_strides(kernel_size, strides):
    """Whether every phase has a tap, which `conv_transpose_by_phases` needs."""
    return all(size >= stride for size, stride in zip(kernel_size, strides))
