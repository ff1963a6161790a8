"""Compares the features of a raw record with those of the known record files."""

import numpy as np
import tensorflow as tf

from tfobj.data import records
from tfobj.data.builders import sketchy_files

_KINDS = {"bytes_list": "byte", "float_list": "float", "int64_list": "int", None: "nothing"}


def features_of(serialized):
    """Names, kinds and lengths of a record's features.

    Args:
        serialized: bytes.

    Returns:
        dict from name to (kind, "byte", "float", "int" or "nothing"; int length), or None if it is no Example.
    """
    try:
        example = tf.train.Example.FromString(serialized)
    except Exception:  # the protocol buffer library raises its own error, whose module differs between versions
        return None
    features = {}
    for name, feature in example.features.feature.items():
        field = feature.WhichOneof("kind")
        features[name] = (_KINDS[field], len(getattr(feature, field).value) if field else 0)
    return features or None


def is_sketchy(features):
    """Whether a record, a dict as of `features_of`, is a step of an episode of Sketchy."""
    return all(sketchy_files.feature_name(camera) in features for camera in sketchy_files.CAMERAS)


def expected_features(family):
    """Like `features_of`, for a `RecordFamily`."""
    return {name: (kind, int(np.prod(shape))) for name, (shape, kind) in family.feature_shapes().items()}


def differences(features, family):
    """How a record differs from a family.

    Args:
        features: dict as of `features_of`.
        family: `RecordFamily`.

    Returns:
        list of str, one per missing, unexpected or wrong feature; empty if it fits.
    """
    expected, found = expected_features(family), []
    for name, (kind, length) in expected.items():
        if name not in features:
            found.append(f"feature {name!r} is missing, expected {length:,} {kind} values")
        elif features[name] != (kind, length):
            found.append(f"feature {name!r} holds {features[name][1]:,} {features[name][0]} values, expected "
                         f"{length:,} {kind} values")
    return found + [f"feature {name!r} is unexpected" for name in sorted(set(features) - set(expected))]


def recognise(features, file_name="", keys=tuple(records.FAMILIES)):
    """The family that fits a record best.

    Args:
        features: dict as of `features_of`.
        file_name: str. Decides between families with equal features.
        keys: Tuple of str. The keys of `records.FAMILIES` that come into question.

    Returns:
        Tuple (key of `records.FAMILIES`, list of `differences`), or (None, []) if not even the pictures are there.
    """
    if not {"image", "mask"} <= set(features) or min(features[name][1] for name in ("image", "mask")) <= 1:
        return None, []
    ranked = [(len(found), not file_name.endswith(records.FAMILIES[key].file_name), key, found) for key, found in
              ((key, differences(features, records.FAMILIES[key])) for key in keys)]
    _, _, key, found = min(ranked)
    return key, found


def decode(serialized, family):
    """Decodes a record without trusting it.

    Args:
        serialized: bytes.
        family: `RecordFamily`.

    Returns:
        Tuple (dict as of `records.parse_record` with `mask` as stored, flat uint8; list of str, what is wrong). The
        dict is None if anything is.
    """
    features = features_of(serialized)
    if features is None:
        return None, ["the record is no tf.train.Example"]
    wrong = differences(features, family)
    if wrong:
        return None, wrong
    example, decoded = tf.train.Example.FromString(serialized), {}
    for name, (shape, kind) in family.feature_shapes().items():
        feature = example.features.feature[name]
        values = feature.float_list.value if kind == "float" else b"".join(feature.bytes_list.value)
        decoded[name] = np.array(values, np.float32) if kind == "float" else np.frombuffer(values, np.uint8)
        if decoded[name].size != np.prod(shape):
            wrong.append(f"feature {name!r} holds {decoded[name].size:,} bytes in {np.prod(shape):,} values, expected "
                         "one byte in each")
        elif name != "mask":
            decoded[name] = decoded[name].reshape(shape)
    return (None, wrong) if wrong else (decoded, [])
