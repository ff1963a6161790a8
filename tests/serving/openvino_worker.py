"""Answers requests with OpenVINO in a process of its own: in one process with TensorFlow it changes how signals end it.

    python -m tests.serving.openvino_worker REQUESTS.npz ANSWERS.npz SAVED_MODEL_DIR ...

REQUESTS holds `<place of the directory>/<signature>/<number>/<input>`, ANSWERS gets the same with `<output>`.
"""

import sys

import numpy as np
import openvino
import tensorflow as tf

OPTIONS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}


def main(requests, answers, *directories):
    """Reads the requests, runs them, writes the answers."""
    loaded, compiled = [tf.saved_model.load(directory) for directory in directories], {}
    with np.load(requests) as archive:
        stored = {name: archive[name] for name in archive.files}
    found = {}
    for key in sorted({name.rsplit("/", 1)[0] for name in stored}):
        place, signature, _ = key.split("/")
        if (place, signature) not in compiled:
            model = openvino.convert_model(loaded[int(place)].signatures[signature])
            compiled[place, signature] = openvino.Core().compile_model(model, "CPU", OPTIONS)
        network = compiled[place, signature]
        inputs = {name.rsplit("/", 1)[1]: value for name, value in stored.items() if name.startswith(f"{key}/")}
        answer = network(inputs)
        found.update({f"{key}/{output.get_any_name()}": answer[output] for output in network.outputs})
    np.savez(answers, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
