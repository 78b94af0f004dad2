"""SavedModels in TensorFlow's C++ runtime, without its Python: what TF Serving runs.

TF Serving loads a model by `LoadSavedModel` and answers a request by `Session::Run`. The C API of the libraries in TensorFlow's wheels for
Linux reaches both (`TF_LoadSessionFromSavedModel`, `TF_SessionRun`). So a process with ctypes and NumPy alone stands in for the server:
what a graph needs from Python, or from XLA, fails there as it would behind the server.

The C API does not read signatures: `signatures` finds the names of their tensors in `saved_model.pb`. Strings are arrays of objects, which
are bytes, because NumPy's own strings lose the zeros at their end.
"""

import ctypes
import functools
import importlib.util
import os
import pathlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np

Signatures = dict[str, dict[str, dict[str, str]]]  # {signature: {"inputs": {name: tensor}, "outputs": {name: tensor}}}

DTYPES = {1: "float32", 2: "float64", 3: "int32", 7: "object", 9: "int64", 10: "bool"}  # TF_DataType
NUMBERS = {np.dtype(name): number for number, name in DTYPES.items()}
STRING, STRING_SIZE = 7, 24  # TF_STRING, sizeof(TF_TString)
FORBIDDEN = ("tensorflow", "keras", "tf_keras", "tensorflow_probability", "tfar")  # modules of the process of a `Client`

POINTERS = (
    *("TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel"),
    *("TF_GraphOperationByName", "TF_AllocateTensor", "TF_TensorData", "TF_StringGetDataPointer"),
)
OTHERS = (
    *("TF_GetCode", "TF_SessionRun", "TF_TensorType", "TF_NumDims", "TF_DeleteTensor", "TF_DeleteStatus"),
    *("TF_StringInit", "TF_StringCopy"),
)


class ServingError(RuntimeError):
    """A status other than OK; the message is what a client of the server would see."""


class Output(ctypes.Structure):
    """`TF_Output`: the index-th output of an operation."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


@functools.cache
def load_library() -> dict[str, Any]:
    """The functions of the C API in the installed TensorFlow wheel, by name. XLA is off, as TF Serving has it by default.

    Raises:
        ModuleNotFoundError: TensorFlow is not installed.
        OSError: it has no such libraries.
    """
    spec = importlib.util.find_spec("tensorflow")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the libraries of TensorFlow are needed. Received: no module named 'tensorflow'")
    folder = pathlib.Path(spec.submodule_search_locations[0])
    framework = ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"))
    library._ZN10tensorflow21DisableXlaCompilationEv()
    results: dict[str, Any] = dict.fromkeys(POINTERS, ctypes.c_void_p)
    results |= {"TF_Message": ctypes.c_char_p, "TF_Dim": ctypes.c_int64, "TF_StringGetSize": ctypes.c_size_t}
    api = {name: getattr(library, name, None) or getattr(framework, name) for name in (*results, *OTHERS)}
    for name, result in results.items():
        api[name].restype = result
    return api


def signatures(path: str | os.PathLike[str]) -> Signatures:
    """The names of the tensors of each signature of a SavedModel, as `Session` takes them. Imports TensorFlow's protobufs."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved: Any = saved_model_pb2.SavedModel.FromString((pathlib.Path(path) / "saved_model.pb").read_bytes())
    return {
        name: {"inputs": {k: t.name for k, t in s.inputs.items()}, "outputs": {k: t.name for k, t in s.outputs.items()}}
        for name, s in saved.meta_graphs[0].signature_def.items()
        if not name.startswith("__")
    }


class Session:
    """A SavedModel in the C++ runtime, in this process. Several threads may run it.

    Args:
        path: folder of the SavedModel.
        names: what `signatures(path)` gives; None to find it, for which TensorFlow's Python is imported.

    Raises:
        ServingError: the SavedModel cannot be loaded.
    """

    def __init__(self, path: str | os.PathLike[str], names: Signatures | None = None):
        self.signatures = signatures(path) if names is None else names
        self._api = load_library()
        self._graph = ctypes.c_void_p(self._api["TF_NewGraph"]())
        options = ctypes.c_void_p(self._api["TF_NewSessionOptions"]())
        tags = (ctypes.c_char_p * 1)(b"serve")
        load = self._api["TF_LoadSessionFromSavedModel"]
        arguments = options, None, os.fsencode(path), tags, 1, self._graph, None
        self._session = ctypes.c_void_p(self._checked(lambda status: load(*arguments, status)))

    def run(self, signature: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of a signature, arrays by name.

        Raises:
            ServingError: inputs are missing or unknown, or the graph refuses their values.
        """
        names = self.signatures[signature]
        if set(inputs) != set(names["inputs"]):
            raise ServingError(f"{signature} takes {sorted(names['inputs'])}. Received: {sorted(inputs)}")
        feeds = self._outputs([names["inputs"][name] for name in inputs])
        fetches = self._outputs(list(names["outputs"].values()))
        given = (ctypes.c_void_p * len(inputs))(*(self._to_tensor(array).value for array in inputs.values()))
        results = (ctypes.c_void_p * len(fetches))()
        arguments = (feeds, given, len(given), fetches, results, len(results), None, 0, None)
        try:
            self._checked(lambda status: self._api["TF_SessionRun"](self._session, None, *arguments, status))
            return {name: self._to_array(ctypes.c_void_p(t)) for name, t in zip(names["outputs"], results, strict=True)}
        finally:
            for tensor in (*given, *results):
                if tensor:
                    self._api["TF_DeleteTensor"](ctypes.c_void_p(tensor))  # with its strings

    def _checked(self, call: Callable[[ctypes.c_void_p], Any]) -> Any:
        """`call(status)`; a status other than OK is raised."""
        status = ctypes.c_void_p(self._api["TF_NewStatus"]())
        try:
            result = call(status)
            if self._api["TF_GetCode"](status):
                raise ServingError(self._api["TF_Message"](status).decode(errors="replace"))
            return result
        finally:
            self._api["TF_DeleteStatus"](status)

    def _outputs(self, tensors: list[str]) -> Any:
        """The `TF_Output` of each `operation:index`."""
        outputs = (Output * len(tensors))()
        for output, name in zip(outputs, tensors, strict=True):
            operation, _, index = name.partition(":")
            output.operation = self._api["TF_GraphOperationByName"](self._graph, operation.encode())
            output.index = int(index)
            if not output.operation:
                raise ServingError(f"the graph has no such operation. Received: {name}")
        return outputs

    def _to_tensor(self, array: np.ndarray) -> ctypes.c_void_p:
        array = np.asarray(array, order="C")
        number, shape = NUMBERS[array.dtype], (ctypes.c_int64 * array.ndim)(*array.shape)
        size = array.size * STRING_SIZE if number == STRING else array.nbytes
        tensor = ctypes.c_void_p(self._api["TF_AllocateTensor"](number, shape, array.ndim, ctypes.c_size_t(size)))
        if number == STRING:
            for place, text in zip(self._strings(tensor, array.size), array.flat, strict=True):
                self._api["TF_StringInit"](place)
                self._api["TF_StringCopy"](place, ctypes.c_char_p(text), ctypes.c_size_t(len(text)))
        elif size:
            ctypes.memmove(self._api["TF_TensorData"](tensor), array.ctypes.data, size)
        return tensor

    def _to_array(self, tensor: ctypes.c_void_p) -> np.ndarray:
        axes, number = range(self._api["TF_NumDims"](tensor)), self._api["TF_TensorType"](tensor)
        array = np.empty([self._api["TF_Dim"](tensor, axis) for axis in axes], DTYPES[number])
        if number == STRING:
            for index, place in enumerate(self._strings(tensor, array.size)):
                start, size = self._api["TF_StringGetDataPointer"](place), self._api["TF_StringGetSize"](place)
                array.flat[index] = ctypes.string_at(start, size)
        elif array.nbytes:
            ctypes.memmove(array.ctypes.data, self._api["TF_TensorData"](tensor), array.nbytes)
        return array

    def _strings(self, tensor: ctypes.c_void_p, count: int) -> list[ctypes.c_void_p]:
        """Pointers to the strings of a tensor that has `count` of them."""
        start = self._api["TF_TensorData"](tensor) if count else 0
        return [ctypes.c_void_p(start + STRING_SIZE * index) for index in range(count)]


class Client:
    """A process without TensorFlow's Python, Keras, TFP and tfar that runs SavedModels; use it in a `with` statement.

    Args:
        paths: {name: folder of a SavedModel}. A model is loaded when it is first run, and kept.

    >>> import tempfile, tfar
    >>> path = tempfile.mkdtemp() + "/1"
    >>> names = tfar.MADE([4], hidden_units=[8]).export(path)
    >>> with Client({"made": path}) as client:
    ...     client.run("made", "sample", seed=np.array([[1, 2], [3, 4]], np.int32))["x"].shape
    (2, 4)
    """

    def __init__(self, paths: Mapping[str, str | os.PathLike[str]]):
        self.paths = paths
        self._loaded: set[str] = set()
        environment = {**os.environ, "PYTHONSAFEPATH": "1"}  # this file's folder is not where modules are looked for
        self._process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

    def run(self, model: str, signature: str, /, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs of a model's signature, arrays by name.

        Raises:
            ServingError: as `Session.run`, or the model cannot be loaded.
        """
        if model not in self._loaded:
            self._ask(model, os.fspath(self.paths[model]), signatures(self.paths[model]))
            self._loaded.add(model)
        return self._ask(model, signature, inputs)

    def _ask(self, *request: Any) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        pickle.dump(request, self._process.stdin)
        self._process.stdin.flush()
        answered, reply = pickle.load(self._process.stdout)
        if not answered:
            raise ServingError(reply)
        return reply

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: Any, *error: Any) -> None:
        self._process.communicate()
        if kind is None and self._process.returncode:
            raise RuntimeError(f"the process of the client must end with status 0. Received: {self._process.returncode}")


def serve(requests: IO[bytes], replies: IO[bytes]) -> None:
    """The process of a `Client`: answer pickled requests, the first of a model with its path and names, until the stream ends."""
    sessions: dict[str, Session] = {}
    while True:
        try:
            name, *request = pickle.load(requests)
        except EOFError:
            return
        try:
            if name not in sessions:
                sessions[name] = Session(*request)
                reply = True, sorted(sessions[name].signatures)
            else:
                reply = True, sessions[name].run(*request)
        except ServingError as error:
            reply = False, str(error)
        if imported := sorted({module.split(".")[0] for module in sys.modules} & set(FORBIDDEN)):
            raise RuntimeError(f"a client must not import {', '.join(FORBIDDEN)}. Received: {', '.join(imported)}")
        pickle.dump(reply, replies)
        replies.flush()


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
