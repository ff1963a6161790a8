"""Orders and divides the examples of a release. Worker processes load it: no TensorFlow here."""

import random


def fixed_order(items):
    """A list of `items` in an order that looks random and is always the same.

    Releases that store views of one scene or steps of one episode side by side are kept in this order, so that the
    first examples of a split are a sample of all of it.
    """
    items = list(items)
    random.Random(0).shuffle(items)
    return items


def tenths(items):
    """Cuts a list as several releases are cut: a tenth, a tenth (both rounded down), the rest; three lists."""
    tenth = len(items) // 10
    return items[:tenth], items[tenth:2 * tenth], items[2 * tenth:]
