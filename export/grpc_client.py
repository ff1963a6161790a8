"""Asks a TensorFlow Serving server over gRPC. Needs `pip install -e '.[serving]'` (tensorflow-serving-api).

    python export/grpc_client.py --server=localhost:8500 --model=slot_attention --out=segmentations photos/*.png

Models that predict sets have no segmentations: their objects are printed.

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
    from tensorflow_serving.apis import get_model_metadata_pb2
    from tensorflow_serving.apis import predict_pb2
    from tensorflow_serving.apis import prediction_service_pb2_grpc
except ImportError as missing:
    if __name__ != "__main__":
        raise
    print(f"error: {missing.name} is missing; install it from the checkout: pip install -e '.[serving]'",
          file=sys.stderr)
    sys.exit(2)

import object_lists
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
    _choose(request.model_spec, model, version, label)
    request.model_spec.signature_name = signature
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
    response = _called(stub.Predict, build_request(model, signature, inputs, version, label, outputs), timeout)
    return {name: np.asarray(tf.make_ndarray(tensor)) for name, tensor in response.outputs.items()}


def signature_names(stub, model, version=None, label=None, timeout=60.0):
    """The signatures that a model has, list of str; arguments and errors as of `predict`."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    _choose(request.model_spec, model, version, label)
    response, signatures = _called(stub.GetModelMetadata, request, timeout), get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    return list(signatures.signature_def)


def _choose(spec, model, version, label):
    """Writes into a `ModelSpec` which model is meant."""
    spec.name = model
    if version is not None:
        spec.version.value = version
    if label:
        spec.version_label = label


def _called(function, request, timeout):
    try:
        return function(request, timeout)
    except grpc.RpcError as error:
        hint = "; is the server running, and is --server its gRPC address (port 8500 by default)?"
        hint = hint if error.code() == grpc.StatusCode.UNAVAILABLE else ""
        raise ServerError(f"{error.code().name}: {error.details()}{hint}") from error


def main(argv=None):
    """Segments image files, or prints their objects; returns the exit status."""
    parser = argparse.ArgumentParser(description="Segments images with a served tfobj model, over gRPC, or prints the "
                                     "objects that it predicts.")
    segmentation_files.add_arguments(parser, "localhost:8500")
    object_lists.add_arguments(parser)
    arguments = parser.parse_args(argv)
    if not arguments.images:
        parser.error("give image files")
    channel, stub = connect(arguments.server)
    which = {"version": arguments.version, "label": arguments.label, "timeout": arguments.timeout}
    outputs = {object_lists.SIGNATURE: object_lists.OUTPUTS,
               segmentation_files.SIGNATURE: [segmentation_files.output_of(arguments)]}
    write = {object_lists.SIGNATURE: object_lists.print_objects,
             segmentation_files.SIGNATURE: segmentation_files.segment_files}
    try:
        signature = object_lists.signature_of(signature_names(stub, arguments.model, **which))
        write[signature](arguments, lambda files: predict(
            stub, arguments.model, signature, {"image_bytes": files}, outputs=outputs[signature], **which))
    except (ServerError, ValueError) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return 2
    finally:
        channel.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
