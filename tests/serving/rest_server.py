"""An HTTP server with the encoding rules of TensorFlow Serving's REST predict call, over a loaded SavedModel.

The rules are those of `json_tensor.cc` and `http_rest_api_handler.cc`: `instances` (row) or `inputs` (columnar) but
not both; bare values for single inputs; base64 objects for bytes; outputs whose name ends in `_bytes` leave as base64;
the name of a single output is dropped; row format needs outputs that share their first dimension.
"""

import base64
import contextlib
import http.server
import json
import re
import threading

import numpy as np
import tensorflow as tf

_PATH = re.compile(r"/v1/models/(?P<model>[^/:]+)(/versions/(?P<version>\d+))?(/labels/(?P<label>[^/:]+))?"
                   r"(:predict|(?P<metadata>/metadata))?$")


class _Refusal(Exception):
    """A request that is answered with a status and a message."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def answer_predict(signatures, body):
    """Answers one predict call.

    Args:
        signatures: Dict name -> SavedModel signature.
        body: Dict, the decoded JSON.

    Returns:
        Dict, the answer before JSON.
    """
    if ("instances" in body) == ("inputs" in body):
        raise _Refusal(400, "JSON Value must contain exactly one of 'instances' or 'inputs'")
    name = body.get("signature_name", "serving_default")
    if name not in signatures:
        raise _Refusal(400, f"Serving signature name: \"{name}\" not found in signature def")
    specs = signatures[name].structured_input_signature[1]
    columns = _columns(specs, body)
    try:
        tensors = {key: tf.constant(_parse(columns[key], spec), spec.dtype) for key, spec in specs.items()}
        outputs = {key: value.numpy() for key, value in signatures[name](**tensors).items()}
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise _Refusal(400, str(error)) from error
    return _row_answer(outputs) if "instances" in body else _columnar_answer(outputs)


@contextlib.contextmanager
def serving(loaded, model="slot_attention", labels=("stable",)):
    """Serves a loaded SavedModel as version 1 on a free port of 127.0.0.1; yields the address."""
    class Handler(http.server.BaseHTTPRequestHandler):
        """Routes `/v1/models/...`."""

        def do_GET(self):
            status = {"model_version_status": [
                {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}]}
            metadata = {"model_spec": {"name": model, "signature_name": "", "version": "1"}, "metadata": {
                "signature_def": {"signature_def": {name: {"method_name": "tensorflow/serving/predict"}
                                                    for name in loaded.signatures}}}}
            self._answer(lambda match: metadata if match["metadata"] else status)

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(lambda match: answer_predict(loaded.signatures, body))

        def _answer(self, function):
            try:
                match = _PATH.match(self.path)
                known = match and match["model"] == model and match["version"] in (None, "1")
                if not known or match["label"] not in (None, *labels):
                    raise _Refusal(404, f"Servable not found for request: {self.path}")
                status, answer = 200, function(match)
            except _Refusal as refusal:
                status, answer = refusal.status, {"error": str(refusal)}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            """Keeps test output quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _columns(specs, body):
    """Values of each input, from either format."""
    if "inputs" in body:
        inputs = body["inputs"]
        named = isinstance(inputs, dict) and "b64" not in inputs
        columns = inputs if named else {next(iter(specs)): inputs}
    else:
        rows = [row if isinstance(row, dict) and "b64" not in row else {next(iter(specs)): row}
                for row in body["instances"]]
        columns = {key: [row[key] for row in rows] for key in (rows[0] if rows else ())}
    if set(columns) != set(specs):
        raise _Refusal(400, f"Missing or unexpected named inputs: {sorted(columns)}, expected {sorted(specs)}")
    return columns


def _parse(values, spec):
    if spec.dtype != tf.string:
        return np.asarray(values)
    return [base64.b64decode(value["b64"]) if isinstance(value, dict) else value.encode() for value in values]


def _row_answer(outputs):
    if len({len(value) if np.ndim(value) else None for value in outputs.values()}) != 1:
        raise _Refusal(500, "Tensor outputs have inconsistent batch size")
    columns = {key: _encode(key, value) for key, value in outputs.items()}
    if len(columns) == 1:
        return {"predictions": next(iter(columns.values()))}
    return {"predictions": [dict(zip(columns, row)) for row in zip(*columns.values())]}


def _columnar_answer(outputs):
    columns = {key: _encode(key, value) for key, value in outputs.items()}
    return {"outputs": next(iter(columns.values())) if len(columns) == 1 else columns}


def _encode(name, value):
    if value.dtype != object:
        return value.tolist()
    if name.endswith("_bytes"):
        return [{"b64": base64.b64encode(item).decode()} for item in value]
    return [_encode(name, item) if isinstance(item, np.ndarray) else item.decode() for item in value]
