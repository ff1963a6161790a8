"""A gRPC PredictionService over a loaded SavedModel, with the official stubs of tensorflow-serving-api."""

import concurrent.futures
import contextlib

import grpc
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers Predict and GetModelMetadata as version 1 of one model; the other calls are unimplemented.

    Args:
        loaded: Result of `tf.saved_model.load`.
        model: str. The name that requests must use.
        labels: Dict version label -> version.
    """

    def __init__(self, loaded, model="slot_attention", labels=None):
        self._loaded = loaded
        self._model = model
        self._labels = labels or {"stable": 1}

    def Predict(self, request, context):
        """Runs the signature of the request, checked in the order in which the server checks."""
        spec = request.model_spec
        self._check(spec, context)
        signature = self._loaded.signatures.get(spec.signature_name or "serving_default")
        if signature is None:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Serving signature \"{spec.signature_name}\" not found")
        try:
            inputs = {name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()}
            outputs = signature(**inputs)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(spec)
        for name in request.output_filter or outputs:
            response.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name]))
        return response


    def GetModelMetadata(self, request, context):
        """Names the signatures."""
        self._check(request.model_spec, context)
        if list(request.metadata_field) != ["signature_def"]:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Metadata field not supported")
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name in self._loaded.signatures:
            signatures.signature_def[name].method_name = "tensorflow/serving/predict"
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.CopyFrom(request.model_spec)
        response.metadata["signature_def"].Pack(signatures)
        return response

    def _check(self, spec, context):
        version = self._labels.get(spec.version_label) if spec.version_label else 1
        version = spec.version.value if spec.HasField("version") else version
        if spec.name != self._model or version != 1:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {spec.name}")


@contextlib.contextmanager
def serving(loaded):
    """Serves on a free port of 127.0.0.1; yields `host:port`."""
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), options=unlimited)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(loaded), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()
