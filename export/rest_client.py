"""Asks a TensorFlow Serving server over REST. Standard library only.

    python export/rest_client.py --server=http://localhost:8501 --model=slot_attention --out=segmentations photos/*.png
    python export/rest_client.py --status

Models that predict sets have no segmentations: their objects are printed.

Also a library: `predict(server, model, signature, inputs)` calls any signature in row or columnar format. Images as
numbers are large in JSON, and REST answers every output of a signature: prefer `segment_bytes`, or gRPC.
"""

import argparse
import base64
import json
import sys
import urllib.error
import urllib.request

import object_lists
import segmentation_files


class ServerError(ConnectionError):
    """The server could not be reached or refused the request; the message says which, with the server's words."""


def model_url(server, model, version=None, label=None):
    """Returns the URL of a model, of one of its versions (int), or of a version label (str)."""
    url = f"{server.rstrip('/')}/v1/models/{model}"
    if version is not None:
        return f"{url}/versions/{version}"
    return f"{url}/labels/{label}" if label else url


def row_request(signature, inputs):
    """Builds the body of a row-format request, one entry per image.

    Args:
        signature: str.
        inputs: Dict name -> sequence with one value per image: bytes, number, nested list or array.

    Returns:
        Dict for JSON. A signature with one input takes the bare values.
    """
    rows = [{name: _encode(value) for name, value in zip(inputs, values)}
            for values in zip(*inputs.values(), strict=True)]
    if len(inputs) == 1:
        rows = [next(iter(row.values())) for row in rows]
    return {"signature_name": signature, "instances": rows}


def columnar_request(signature, inputs):
    """Builds the body of a columnar request, one entry per input; arguments as for `row_request`."""
    return {"signature_name": signature,
            "inputs": {name: [_encode(value) for value in values] for name, values in inputs.items()}}


def decode_response(response):
    """Turns the server's answer into a dict output name -> list with one value per image; bytes are decoded.

    Args:
        response: Dict with `predictions` (row format) or `outputs` (columnar).

    Returns:
        Dict. A signature with a single output, whose name the server leaves out, gives the key "".

    Raises:
        ServerError: the answer has neither key.
    """
    if "predictions" in response:
        rows = [row if isinstance(row, dict) and "b64" not in row else {"": row} for row in response["predictions"]]
        columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    elif "outputs" in response:
        outputs = response["outputs"]
        columns = outputs if isinstance(outputs, dict) else {"": outputs}
    else:
        raise ServerError(f"the answer is no prediction: {json.dumps(response)[:200]}")
    return {name: [_decode(value) for value in values] for name, values in columns.items()}


def predict(server, model, signature, inputs, row_format=True, version=None, label=None, timeout=60.0):
    """Calls one signature.

    Args:
        server: str. E.g. `http://localhost:8501`.
        model: str. Name in models.config.
        signature: str. E.g. `segment_bytes`.
        inputs: See `row_request`.
        row_format: bool. False uses the columnar format.
        version: int or None.
        label: str or None. Version label.
        timeout: float. Seconds.

    Returns:
        See `decode_response`.

    Raises:
        ServerError: the server cannot be reached or refused the request.
    """
    body = (row_request if row_format else columnar_request)(signature, inputs)
    return decode_response(call(model_url(server, model, version, label) + ":predict", body, timeout))


def signature_names(server, model, version=None, label=None, timeout=60.0):
    """The signatures that a model has, list of str; arguments and errors as of `predict`."""
    answer = call(model_url(server, model, version, label) + "/metadata", timeout=timeout)
    try:
        return list(answer["metadata"]["signature_def"]["signature_def"])
    except (KeyError, TypeError):
        raise ServerError(f"the answer does not say which signatures there are: {json.dumps(answer)[:200]}") from None


def call(url, body=None, timeout=60.0):
    """Posts JSON, or gets if `body` is None; returns the decoded answer.

    Raises:
        ServerError: the server cannot be reached, answered an error, or answered no JSON.
    """
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise ServerError(f"{url} answered {error.code}: {_message(error.read())}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise ServerError(f"{url} cannot be reached ({getattr(error, 'reason', error)}); is the server running, and is "
                          "--server its REST address (port 8501 by default)?") from error
    except ValueError as error:
        raise ServerError(f"{url} answered no JSON; is --server the address of TensorFlow Serving?") from error


def _encode(value):
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value.tolist() if hasattr(value, "tolist") else value


def _decode(value):
    return base64.b64decode(value["b64"]) if isinstance(value, dict) and set(value) == {"b64"} else value


def _message(content):
    try:
        return json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return content.decode(errors="replace")[:200] or "no message"


def main(argv=None):
    """Segments image files or prints their objects, or the state of the model; returns the exit status."""
    parser = argparse.ArgumentParser(description="Segments images with a served tfobj model, over REST, or prints the "
                                     "objects that it predicts.")
    segmentation_files.add_arguments(parser, "http://localhost:8501")
    object_lists.add_arguments(parser)
    parser.add_argument("--columnar", action="store_true", help="use the columnar format instead of the row format")
    parser.add_argument("--status", action="store_true", help="print the versions of the model and their state")
    arguments = parser.parse_args(argv)
    if not arguments.images and not arguments.status:
        parser.error("give image files, or --status")

    served = (arguments.server, arguments.model)
    which = {"version": arguments.version, "label": arguments.label, "timeout": arguments.timeout}
    try:
        if arguments.status:
            url = model_url(arguments.server, arguments.model, arguments.version, arguments.label)
            print(json.dumps(call(url, timeout=arguments.timeout), indent=2))
        if arguments.images:
            signature = object_lists.signature_of(signature_names(*served, **which))
            write = {object_lists.SIGNATURE: object_lists.print_objects,
                     segmentation_files.SIGNATURE: segmentation_files.segment_files}[signature]
            write(arguments, lambda files: predict(*served, signature, {"image_bytes": files}, not arguments.columnar,
                                                   **which))
    except (ServerError, ValueError) as error:
        print("error: " + " ".join(str(error).split()), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
