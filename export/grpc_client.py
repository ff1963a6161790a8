"""Asks a TensorFlow Serving server over gRPC. Needs `pip install -e '.[serving]'` (tensorflow-serving-api).

    python export/grpc_client.py --server=localhost:8500 --model=slot_attention --out=segmentations photos/*.png

Also a library: `predict(stub, model, signature, inputs)` calls any signature with NumPy arrays and can choose outputs.
"""

import argparse
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

try:
    import grpc
    import numpy as np
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2
    from tensorflow_serving.apis import prediction_service_pb2_grpc
except ImportError as missing:
    if __name__ != "__main__":
        raise
    print(f"error: {missing.name} is missing; install it from the checkout: pip install -e '.[serving]'",
          file=sys.stderr)
    sys.exit(2)

import segmentation_files

# gRPC refuses messages over 4 MB unless told otherwise; the masks of one batch are larger.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024


class ServerError(ConnectionError):
    """The server could not be reached or refused the request; the message says which, with the server's words."""


def connect(server):
    """Opens a channel.

    Args:
        server: str. `host:port`, port 8500 by default in the server.

    Returns:
        (channel, stub): `grpc.Channel`, to be closed, and the stub for `predict`.
    """
    channel = grpc.insecure_channel(server, options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
                                                     ("grpc.max_send_message_length", MAX_MESSAGE_BYTES)])
    return channel, prediction_service_pb2_grpc.PredictionServiceStub(channel)


def build_request(model, signature, inputs, version=None, label=None, outputs=()):
    """Builds a `PredictRequest`; arguments as for `predict`."""
    request = predict_pb2.PredictRequest(output_filter=list(outputs))
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    if label:
        request.model_spec.version_label = label
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def predict(stub, model, signature, inputs, version=None, label=None, outputs=(), timeout=60.0):
    """Calls one signature.

    Args:
        stub: See `connect`.
        model: str. Name in models.config.
        signature: str. E.g. `serve_float`.
        inputs: Dict name -> array, batch first, of the dtype that the signature takes; files as a list of bytes.
        version: int or None.
        label: str or None. Version label.
        outputs: Sequence of str. Only these outputs; empty for all.
        timeout: float. Seconds.

    Returns:
        Dict output name -> array; strings as arrays of dtype object holding bytes.

    Raises:
        ServerError: the server cannot be reached, refused the request, or the answer is larger than 64 MB.
    """
    request = build_request(model, signature, inputs, version, label, outputs)
    try:
        response = stub.Predict(request, timeout)
    except grpc.RpcError as error:
        hint = "; is the server running, and is --server its gRPC address (port 8500 by default)?"
        hint = hint if error.code() == grpc.StatusCode.UNAVAILABLE else ""
        raise ServerError(f"{error.code().name}: {error.details()}{hint}") from error
    return {name: np.asarray(tf.make_ndarray(tensor)) for name, tensor in response.outputs.items()}


def main(argv=None):
    """Segments image files; returns the exit status."""
    parser = argparse.ArgumentParser(description="Segments images with a served tfobj model, over gRPC.")
    segmentation_files.add_arguments(parser, "localhost:8500")
    arguments = parser.parse_args(argv)
    if not arguments.images:
        parser.error("give image files")
    channel, stub = connect(arguments.server)
    output = "segmentation_png_bytes" if arguments.raw else "segmentation_thresholded_png_bytes"

    def segment(files):
        return predict(stub, arguments.model, "segment_bytes", {"image_bytes": files}, arguments.version,
                       arguments.label, [output], arguments.timeout)

    try:
        segmentation_files.segment_files(arguments, segment)
    except (ServerError, ValueError) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return 2
    finally:
        channel.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
