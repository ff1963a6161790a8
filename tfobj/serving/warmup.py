"""Warm-up requests: what TensorFlow Serving runs before a version takes traffic.

A TFRecord file of `tensorflow.serving.PredictionLog` messages at `assets.extra/tf_serving_warmup_requests`. They are
encoded by hand (`wire`), so that tensorflow-serving-api is not needed to export. A record that does not parse or run
makes the server refuse the version, hence every record is also run by `verify`.
"""

import io
import os
import struct

import numpy as np
from PIL import Image
import tensorflow as tf

from tfobj.serving import wire

FILE_NAME = os.path.join("assets.extra", "tf_serving_warmup_requests")
# Some of `allowed_batch_sizes` in export/batching.config: the server pads batches to those sizes only.
BATCH_SIZES = (1, 4)

_DT_FLOAT, _DT_UINT8, _DT_STRING = 1, 4, 7


def warmup_records(signatures, model_name, image_shape, batch_sizes=BATCH_SIZES):
    """Encodes one request per signature and batch size.

    Args:
        signatures: Dict name -> object with `inputs`, a sequence of `tf.TensorSpec`, batch first.
        model_name: str. The name in the requests; the server does not compare it.
        image_shape: Tuple (H, W, C). Size of the image files for string inputs.
        batch_sizes: Sequence of int.

    Returns:
        List of bytes, serialised `PredictionLog` messages.
    """
    image_file = _gray_png(image_shape)
    return [_prediction_log(name, model_name, {spec.name: _tensor(spec, size, image_file) for spec in signature.inputs})
            for name, signature in sorted(signatures.items()) for size in batch_sizes]


def write_warmup(directory, records):
    """Writes records (bytes) to `FILE_NAME` below the directory of `saved_model.pb`; returns the path."""
    path = os.path.join(directory, FILE_NAME)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tf.io.TFRecordWriter(path) as writer:
        for record in records:
            writer.write(record)
    return path


def read_warmup(record):
    """Decodes a record as far as it is needed to run it.

    Args:
        record: bytes, a serialised `PredictionLog` that holds a `PredictLog`.

    Returns:
        (signature name, dict input name -> array); strings as dtype object.
    """
    request = dict(wire.read_fields(dict(wire.read_fields(record))[6]))[1]
    name = bytes(dict(wire.read_fields(dict(wire.read_fields(request))[1]))[3]).decode()
    tensors = {key: bytes(value) for key, value in wire.read_map(request, 2).items()}
    return name, {key: tf.io.parse_tensor(value, tf.dtypes.as_dtype(dict(wire.read_fields(value))[1])).numpy()
                  for key, value in tensors.items()}


def _prediction_log(signature, model_name, tensors):
    """PredictionLog.predict_log (6) . PredictLog.request (1) . PredictRequest {model_spec 1, inputs 2}."""
    model_spec = wire.field(1, model_name) + wire.field(3, signature)
    request = wire.field(1, model_spec) + wire.map_field(2, tensors)
    return wire.field(6, wire.field(1, request))


def _tensor(spec, batch_size, image_file):
    """TensorProto {dtype 1, tensor_shape 2, *_val}: one value stands for all elements, so records stay tiny."""
    code, value = {
        tf.float32: (_DT_FLOAT, wire.field(5, struct.pack("<f", 0.5))),
        tf.uint8: (_DT_UINT8, wire.field(7, wire.varint(128))),
        tf.string: (_DT_STRING, wire.field(8, image_file)),
    }[spec.dtype]
    dims = b"".join(wire.field(2, wire.field(1, int(size))) for size in (batch_size, *spec.shape[1:]))
    return wire.field(1, code) + wire.field(2, dims) + value


def _gray_png(image_shape):
    buffer = io.BytesIO()
    Image.fromarray(np.full(image_shape[:2], 128, np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()
