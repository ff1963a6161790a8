"""A SavedModel run by the C++ loader of the TensorFlow wheel, the code path of TensorFlow Serving.

`libtensorflow_cc.so.2` exports TensorFlow's C API; `TF_LoadSessionFromSavedModel` calls `tensorflow::LoadSavedModel`,
as the server does. Nothing here imports the Python package `tensorflow`: the result depends on the files of the export
and on the C++ runtime alone. `run_in_subprocess` adds a fresh process, which is also what a restarted server is.
"""

import ctypes
import importlib.util
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np

from tfobj.serving import wire

_STRING = 7
# tensorflow/core/framework/types.proto
_DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 4: np.uint8, _STRING: object, 9: np.int64, 10: np.bool_}
_TSTRING_BYTES = 24  # sizeof(TF_TString), tensorflow/core/platform/ctstring_internal.h


class _Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class _Buffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p)]


class CppSavedModel:
    """One loaded SavedModel.

    Attributes:
        signatures: Dict name -> {"inputs": {name: tensor}, "outputs": {name: tensor}}; a tensor is the graph's name of
            it, such as `serve_float_images:0`.

    Args:
        directory: str. The directory of `saved_model.pb`.

    Raises:
        RuntimeError: TensorFlow's message if the directory cannot be loaded.
    """

    def __init__(self, directory):
        self._library = _load_library()
        self._status = self._library.TF_NewStatus()
        self._graph = self._library.TF_NewGraph()
        meta_graph = self._library.TF_NewBuffer()
        tags = (ctypes.c_char_p * 1)(b"serve")
        self._session = self._library.TF_LoadSessionFromSavedModel(
            self._library.TF_NewSessionOptions(), None, os.fsencode(directory), tags, 1, self._graph, meta_graph,
            self._status)
        self._check()
        content = ctypes.string_at(meta_graph.contents.data, meta_graph.contents.length)
        self._library.TF_DeleteBuffer(meta_graph)
        self.signatures = _read_signatures(content)

    def run(self, signature, inputs):
        """Calls one signature.

        Args:
            signature: str. A key of `signatures`.
            inputs: Dict name -> array; bytes in arrays of dtype object.

        Returns:
            Dict name -> array, one per output of the signature; strings as arrays of dtype object holding bytes.

        Raises:
            KeyError: an input or the signature is unknown.
            RuntimeError: TensorFlow's message if the call fails.
        """
        wanted = self.signatures[signature]
        names, arrays = list(inputs), [np.ascontiguousarray(inputs[name]) for name in inputs]
        feeds = (_Output * len(names))(*[self._tensor(wanted["inputs"][name]) for name in names])
        tensors = [self._to_tensor(array) for array in arrays]
        values = (ctypes.c_void_p * len(names))(*[tensor for tensor, _ in tensors])
        fetches = (_Output * len(wanted["outputs"]))(*map(self._tensor, wanted["outputs"].values()))
        results = (ctypes.c_void_p * len(fetches))()
        self._library.TF_SessionRun(self._session, None, feeds, values, len(feeds), fetches, results, len(fetches),
                                    None, 0, None, self._status)
        for tensor, _ in tensors:
            self._library.TF_DeleteTensor(tensor)
        self._check()
        return {name: self._to_array(tensor) for name, tensor in zip(wanted["outputs"], results)}

    def close(self):
        """Frees the session; the object cannot be used afterwards."""
        self._library.TF_CloseSession(self._session, self._status)
        self._library.TF_DeleteSession(self._session, self._status)
        self._library.TF_DeleteGraph(self._graph)

    def _check(self):
        if self._library.TF_GetCode(self._status) != 0:
            raise RuntimeError(self._library.TF_Message(self._status).decode(errors="replace"))

    def _tensor(self, name):
        operation, index = name.rsplit(":", 1)
        return _Output(self._library.TF_GraphOperationByName(self._graph, operation.encode()), int(index))

    def _to_tensor(self, array):
        """Returns a TF_Tensor and what must stay alive while it is used."""
        library, is_string = self._library, array.dtype == object
        code = next(code for code, dtype in _DTYPES.items() if dtype == (object if is_string else array.dtype))
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        size = array.size * _TSTRING_BYTES if is_string else array.nbytes
        tensor = library.TF_AllocateTensor(code, dims, array.ndim, size)
        start = library.TF_TensorData(tensor)
        if not is_string:
            ctypes.memmove(start, array.ctypes.data, size)
            return tensor, array
        strings = [bytes(value) for value in array.ravel()]
        for index, value in enumerate(strings):
            # A view owns nothing, so that deleting the tensor frees everything.
            library.TF_StringInit(start + index * _TSTRING_BYTES)
            library.TF_StringAssignView(start + index * _TSTRING_BYTES, value, len(value))
        return tensor, strings

    def _to_array(self, tensor):
        library = self._library
        shape = [library.TF_Dim(tensor, axis) for axis in range(library.TF_NumDims(tensor))]
        start, dtype = library.TF_TensorData(tensor), _DTYPES[library.TF_TensorType(tensor)]
        array = np.empty(shape, dtype)
        if dtype is object:
            places = [start + index * _TSTRING_BYTES for index in range(array.size)]
            array.reshape(-1)[:] = [ctypes.string_at(library.TF_StringGetDataPointer(place),
                                                     library.TF_StringGetSize(place)) for place in places]
        else:
            ctypes.memmove(array.ctypes.data, start, library.TF_TensorByteSize(tensor))
        library.TF_DeleteTensor(tensor)
        return array


def run_in_subprocess(directory, calls, timeout=3600):
    """Loads a SavedModel in a fresh process, on the CPU, and makes some calls.

    Args:
        directory: str. The directory of `saved_model.pb`.
        calls: List of (signature name, inputs as for `CppSavedModel.run`).
        timeout: Number. Seconds.

    Returns:
        List of output dictionaries, one per call; a call that failed has the message (str) in its place.

    Raises:
        RuntimeError: the process could not load the model or died; the message holds the end of what it printed.
        subprocess.TimeoutExpired: it did not end in time.
    """
    root = str(pathlib.Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    # The GPUs are likely held by the calling process.
    environment = {**os.environ, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"}
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    done = subprocess.run([sys.executable, "-m", "tfobj.serving.cpp_loader", str(directory)], check=False,
                          input=pickle.dumps(calls), capture_output=True, env=environment, timeout=timeout)
    if done.returncode != 0:
        message = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(f"the C++ loader ended with status {done.returncode}: {' '.join(message)}")
    return pickle.loads(done.stdout)


def _load_library():
    """Opens libtensorflow_cc and declares the functions used here."""
    package = pathlib.Path(importlib.util.find_spec("tensorflow").origin).parent
    found = [package / name for name in ("libtensorflow_cc.so.2", "libtensorflow_cc.2.dylib")]
    library = ctypes.CDLL(str(next((path for path in found if path.exists()), found[0])))
    pointer, integer = ctypes.c_void_p, ctypes.c_int
    for name, result, arguments in (
            ("TF_NewStatus", pointer, []), ("TF_NewGraph", pointer, []), ("TF_NewSessionOptions", pointer, []),
            ("TF_NewBuffer", ctypes.POINTER(_Buffer), []), ("TF_DeleteBuffer", None, [ctypes.POINTER(_Buffer)]),
            ("TF_GetCode", integer, [pointer]), ("TF_Message", ctypes.c_char_p, [pointer]),
            ("TF_LoadSessionFromSavedModel", pointer,
             [pointer, pointer, ctypes.c_char_p, pointer, integer, pointer, ctypes.POINTER(_Buffer), pointer]),
            ("TF_GraphOperationByName", pointer, [pointer, ctypes.c_char_p]),
            ("TF_SessionRun", None, [pointer, pointer, pointer, pointer, integer, pointer, pointer, integer, pointer,
                                     integer, pointer, pointer]),
            ("TF_CloseSession", None, [pointer, pointer]), ("TF_DeleteSession", None, [pointer, pointer]),
            ("TF_DeleteGraph", None, [pointer]), ("TF_DeleteTensor", None, [pointer]),
            ("TF_AllocateTensor", pointer, [integer, pointer, integer, ctypes.c_size_t]),
            ("TF_TensorData", pointer, [pointer]), ("TF_TensorByteSize", ctypes.c_size_t, [pointer]),
            ("TF_TensorType", integer, [pointer]), ("TF_NumDims", integer, [pointer]),
            ("TF_Dim", ctypes.c_int64, [pointer, integer]), ("TF_StringInit", None, [pointer]),
            ("TF_StringAssignView", None, [pointer, ctypes.c_char_p, ctypes.c_size_t]),
            ("TF_StringGetDataPointer", pointer, [pointer]), ("TF_StringGetSize", ctypes.c_size_t, [pointer])):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _read_signatures(meta_graph):
    """Reads MetaGraphDef.signature_def (5): SignatureDef.inputs are field 1, outputs 2, TensorInfo.name is field 1."""
    signatures = {}
    for name, definition in wire.read_map(meta_graph, 5).items():
        inputs, outputs = ({key: bytes(dict(wire.read_fields(info))[1]).decode() for key, info in
                            sorted(wire.read_map(definition, number).items())} for number in (1, 2))
        if not name.startswith("__"):  # `__saved_model_init_op` names the initialisation, it is no signature
            signatures[name] = {"inputs": inputs, "outputs": outputs}
    return signatures


def _answer(model, signature, inputs):
    try:
        return model.run(signature, inputs)
    except (RuntimeError, KeyError) as error:
        return f"{type(error).__name__}: {error}"


def _main():
    """Answers the pickled calls on standard input; the directory is the only argument."""
    calls = pickle.load(sys.stdin.buffer)
    try:
        model = CppSavedModel(sys.argv[1])
    except RuntimeError as error:
        sys.exit(str(error))
    answers = [_answer(model, signature, inputs) for signature, inputs in calls]
    sys.stdout.buffer.write(pickle.dumps(answers))


if __name__ == "__main__":
    _main()
