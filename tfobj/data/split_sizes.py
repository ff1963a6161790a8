"""What --split_sizes of `tfobj.prepare` says."""

from tfobj.data.split_views import SPLITS
from tfobj.errors import UserError


def parsed(text):
    """Reads the flag.

    Args:
        text: str. `TRAIN,VALIDATION,TEST`, one number for every split, or `SPLIT:NUMBER,...`; empty: not given.

    Returns:
        Dict from the name of a split to its number of examples, or None where the flag is not given.

    Raises:
        UserError: it is none of these.
    """
    if not text:
        return None
    pairs = [word.rpartition(":") for word in text.replace(" ", "").split(",")]
    names, words = [name for name, _, _ in pairs], [word for _, _, word in pairs]
    positive = all(word.isdecimal() and int(word) > 0 for word in words)
    numbers = [int(word) for word in words] if positive else []
    if positive and all(names) and len(set(names)) == len(names):
        return dict(zip(names, numbers))
    if len(numbers) not in (1, 3) or any(separator for _, separator, _ in pairs):
        raise UserError(f"--split_sizes={text} is neither three positive numbers TRAIN,VALIDATION,TEST, such as 6,2,2, "
                        "nor one for every split, such as 50, nor SPLIT:NUMBER,..., such as test:50")
    return dict(zip(SPLITS, numbers)) if len(numbers) == 3 else dict.fromkeys(SPLITS, numbers[0])


def check_names(text, sizes, builder):
    """Refuses a split that was named and does not exist; where the released files decide, only they know.

    Args:
        text: str. The flag.
        sizes: What `parsed` returned for it.
        builder: Builder of the data set.

    Raises:
        UserError: naming the split.
    """
    known = tuple(builder.builder_config.split_sizes) or SPLITS
    for name in sizes or ():
        if ":" in text and name not in known:
            raise UserError(f"--split_sizes={text}: {builder.name}/{builder.builder_config.name} has no split "
                            f"{name!r}; it has {', '.join(known)}")
