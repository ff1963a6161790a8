"""Line charts, box plots and bars as pictures. NumPy and Pillow; uint8 [height, width, 3], see `tfobj.tiles`."""

import dataclasses
import math

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from tfobj import visualisation
from tfobj.tiles import INK
from tfobj.tiles import PAPER

_FINE = 4  # shapes are drawn so many times larger and averaged down, text is not
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 24, 36  # margins around the axes
_GRID = (226, 226, 226)
_SHADE = 0.25
_COLORS = tuple(visualisation.SLOT_COLORS[index] for index in (1, 0, 2, 5, 4, 7))


@dataclasses.dataclass(frozen=True)
class Curve:
    """One line of a chart, with a shaded band where there is one.

    Attributes:
        x: Sequence of float, ascending.
        y: Sequence of float of the same length.
        low: Sequence of float or None. Lower edge of the band.
        high: Sequence of float or None. Upper edge of the band.
        label: str. Named in a legend; empty for none.
    """

    x: tuple
    y: tuple
    low: tuple = None
    high: tuple = None
    label: str = ""


def line_chart(title, curves, x_label="", size=(260, 400)):
    """Draws curves over a common horizontal axis of numbers.

    Args:
        title: str.
        curves: Sequence of `Curve`, at least one. Values that are not finite are left out.
        x_label: str.
        size: Tuple (rows, columns).

    Returns:
        uint8 [rows, columns, 3].
    """
    values = [np.asarray(part, np.float64) for curve in curves for part in (curve.y, curve.low, curve.high)
              if part is not None]
    horizontal = np.concatenate([np.asarray(curve.x, np.float64) for curve in curves])
    axes = _Axes(size, (horizontal.min(), horizontal.max()), _range(values))
    for number, curve in enumerate(curves):
        _draw_curve(axes, curve, _COLORS[number % len(_COLORS)])
    axes.ticks_below(_whole_ticks(horizontal))
    return axes.finished(title, x_label, [(curve.label, _COLORS[number % len(_COLORS)])
                                          for number, curve in enumerate(curves) if curve.label])


def box_chart(title, boxes, labels, x_label="", size=(260, 400)):
    """Draws box plots side by side.

    Args:
        title: str.
        boxes: Sequence of five floats each: lower whisker, lower quartile, median, upper quartile, upper whisker.
        labels: Sequence of str, one below each box.
        x_label: str.
        size: Tuple (rows, columns).

    Returns:
        uint8 [rows, columns, 3].
    """
    axes = _Axes(size, (-0.6, len(boxes) - 0.4), _range([np.asarray(boxes, np.float64)]))
    for place, box in enumerate(boxes):
        if np.isfinite(box).all():
            _draw_box(axes, place, box, _COLORS[0])
    axes.ticks_below(list(enumerate(labels)), lines=False)
    return axes.finished(title, x_label, [])


def bar_chart(title, values, labels, size=(260, 400)):
    """Draws bars from 0 to 1, with their values; what is below 0 or not finite has no bar.

    Args:
        title: str.
        values: Sequence of float, at most 1.
        labels: Sequence of str, one below each bar.
        size: Tuple (rows, columns).

    Returns:
        uint8 [rows, columns, 3].
    """
    axes = _Axes(size, (-0.6, len(values) - 0.4), (0.0, 1.1))
    for place, value in enumerate(values):
        height = float(value) if np.isfinite(value) else 0.0
        (left, top), (right, bottom) = axes.points((place - 0.3, place + 0.3), (max(height, 0.0), 0.0))
        axes.draw.rectangle((left, top, right, bottom), fill=_mixed(_COLORS[0]), outline=_COLORS[0], width=_FINE)
        axes.text(place, max(height, 0.0), f"{value:.3f}")
    axes.ticks_below(list(enumerate(labels)), lines=False)
    return axes.finished(title, "", [])


def ticks(low, high, count=5):
    """Round numbers for an axis from `low` to `high`: about `count` floats, steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((factor * power for factor in (1.0, 2.0, 5.0, 10.0)), key=lambda step: abs(step - rough))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


class _Axes:
    """A rectangle in which data coordinates are drawn."""

    def __init__(self, size, horizontal, vertical):
        self._rows, self._columns = size
        self._x, self._y = horizontal, vertical
        self._canvas = Image.new("RGB", (self._columns * _FINE, self._rows * _FINE), PAPER)
        self.draw, self._texts = ImageDraw.Draw(self._canvas), []
        for value in ticks(*vertical):
            row = self.row(value)
            self._line((_LEFT, row), (self._columns - _RIGHT, row), _GRID)
            self._texts.append((_LEFT - 5, row, _shown(value), "rm"))

    def column(self, x):
        """Horizontal pixel of a value."""
        low, high = self._x
        return _LEFT + (x - low) / ((high - low) or 1.0) * (self._columns - _LEFT - _RIGHT)

    def row(self, y):
        """Vertical pixel of a value."""
        low, high = self._y
        return self._rows - _BOTTOM - (y - low) / (high - low) * (self._rows - _TOP - _BOTTOM)

    def points(self, x, y):
        """Places of data points on the fine canvas."""
        return [(self.column(a) * _FINE, self.row(b) * _FINE) for a, b in zip(x, y)]

    def text(self, x, y, text):
        """Writes a text just above a place."""
        self._texts.append((self.column(x), self.row(y) - 3, text, "md"))

    def ticks_below(self, marks, lines=True):
        """Writes (value, text) pairs below the axis, with grid lines."""
        for value, text in marks:
            column = self.column(value)
            if lines:
                self._line((column, self._rows - _BOTTOM), (column, self._rows - _BOTTOM + 4), INK)
            self._texts.append((column, self._rows - _BOTTOM + 6, text, "ma"))

    def finished(self, title, x_label, legend):
        """The picture with frame and text."""
        corners = [(_LEFT, _TOP), (_LEFT, self._rows - _BOTTOM), (self._columns - _RIGHT, self._rows - _BOTTOM)]
        for start, end in zip(corners, corners[1:]):
            self._line(start, end, INK)
        picture = self._canvas.resize((self._columns, self._rows), Image.BOX)
        draw, font = ImageDraw.Draw(picture), ImageFont.load_default()
        middle = (_LEFT + self._columns - _RIGHT) / 2
        texts = [*self._texts, (middle, 5, title, "ma"), (middle, self._rows - 4, x_label, "md")]
        for column, row, text, anchor in texts:
            draw.text((column, row), text, fill=INK, font=font, anchor=anchor)
        for number, (text, color) in enumerate(legend):
            row = _TOP + 8 + 13 * number
            draw.line([(_LEFT + 8, row), (_LEFT + 24, row)], fill=color, width=2)
            draw.text((_LEFT + 29, row), text, fill=INK, font=font, anchor="lm")
        return np.asarray(picture)

    def _line(self, start, end, color):
        self.draw.line([(column * _FINE, row * _FINE) for column, row in (start, end)], fill=color, width=_FINE)


def _draw_curve(axes, curve, color):
    if curve.low is not None:
        x, low, high = _finite(curve.x, curve.low, curve.high)
        if len(x) > 1:
            outline = axes.points(x, low) + axes.points(x[::-1], high[::-1])
            axes.draw.polygon(outline, fill=_mixed(color))
    points = axes.points(*_finite(curve.x, curve.y))
    if len(points) > 1:
        axes.draw.line(points, fill=color, width=2 * _FINE, joint="curve")
    for column, row in points:
        radius = 2.5 * _FINE
        axes.draw.ellipse((column - radius, row - radius, column + radius, row + radius), fill=color)


def _draw_box(axes, place, box, color):
    lowest, low, median, high, highest = box
    axes.draw.line(axes.points((place, place), (lowest, highest)), fill=color, width=_FINE)
    for value in (lowest, highest):
        axes.draw.line(axes.points((place - 0.12, place + 0.12), (value, value)), fill=color, width=_FINE)
    (left, top), (right, bottom) = axes.points((place - 0.25, place + 0.25), (high, low))
    axes.draw.rectangle((left, top, right, bottom), fill=_mixed(color), outline=color, width=_FINE)
    axes.draw.line(axes.points((place - 0.25, place + 0.25), (median, median)), fill=color, width=2 * _FINE)


def _finite(*columns):
    """The columns without the rows in which one is not finite."""
    table = np.asarray(columns, np.float64)
    return table[:, np.isfinite(table).all(axis=0)]


def _mixed(color):
    """A colour on paper, faint."""
    return tuple(round(_SHADE * value + (1.0 - _SHADE) * paper) for value, paper in zip(color, PAPER))


def _range(values):
    """(low, high) of all finite values with a little room; not empty."""
    values = np.concatenate([part.ravel() for part in values])
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    room = 0.04 * (high - low) or 0.5 * max(abs(low), 1e-6)
    return low - room, high + room


def _whole_ticks(values):
    """Marks at whole numbers, about eight of them at most."""
    low, high = float(values.min()), float(values.max())
    step = max(1, math.ceil((high - low) / 8))
    return [(number, str(number)) for number in range(math.ceil(low), math.floor(high) + 1, step)]


def _shown(value):
    """A number as an axis shows it: 0.25, -104k, 1e-05."""
    if abs(value) >= 1e4:
        return f"{value / 1e3:.6g}k"
    return f"{round(value, 12):.4g}"
