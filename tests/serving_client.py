"""Run SavedModels in TensorFlow's C++ runtime, without its Python: what stands in for TF Serving in the tests.

TF Serving loads a model with `LoadSavedModel` and answers each request with `Session::Run`. The C API of the libraries
in the TensorFlow wheel reaches the same two (`TF_LoadSessionFromSavedModel`, `TF_SessionRun`), so a process with ctypes
and NumPy alone stands in for the server: what a graph needs from Python, or from XLA, fails there as it would there.

    with Client({"made": "saved_models/made/1"}) as client:    # a process that keeps the models loaded
        client.run("made", "log_prob", x=x)                    # {"log_prob": array}, or raises ServingError

The C API does not read signatures: this process finds their tensors in `saved_model.pb` and sends the names along. Strings
are arrays of objects, which are bytes: NumPy's own strings lose the zeros at their end.
"""

import ctypes
import importlib.util
import pathlib
import pickle
import subprocess
import sys

import numpy as np

DTYPES = {1: "float32", 2: "float64", 3: "int32", 7: "object", 9: "int64", 10: "bool"}  # TF_DataType
NUMBERS = {np.dtype(name): number for number, name in DTYPES.items()}
STRING, STRING_SIZE = 7, 24  # TF_STRING, sizeof(TF_TString)
FORBIDDEN = ("tensorflow", "keras", "tf_keras", "tensorflow_probability", "tfar")


class ServingError(RuntimeError):
    """A status other than OK; the message is what a client of the server would see."""


class Output(ctypes.Structure):
    """TF_Output: the index-th output of an operation."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def load_library():
    """The C API of the installed TensorFlow wheel, with XLA switched off as TF Serving has it by default."""
    folder = pathlib.Path(importlib.util.find_spec("tensorflow").submodule_search_locations[0])
    framework = ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), mode=ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"))
    library._ZN10tensorflow21DisableXlaCompilationEv()
    pointers = (
        *("TF_NewStatus", "TF_NewGraph", "TF_NewSessionOptions", "TF_LoadSessionFromSavedModel"),
        *("TF_GraphOperationByName", "TF_AllocateTensor", "TF_TensorData", "TF_StringGetDataPointer"),
    )
    results = dict.fromkeys(pointers, ctypes.c_void_p)
    results |= {"TF_Message": ctypes.c_char_p, "TF_Dim": ctypes.c_int64, "TF_StringGetSize": ctypes.c_size_t}
    api = {name: getattr(library, name, None) or getattr(framework, name) for name in (*results, *PLAIN)}
    for name, result in results.items():
        api[name].restype = result
    return api


PLAIN = (
    *("TF_GetCode", "TF_SessionRun", "TF_TensorType", "TF_NumDims", "TF_DeleteTensor", "TF_DeleteStatus"),
    *("TF_StringInit", "TF_StringCopy"),
)


class Session:
    """One loaded SavedModel, which several threads may run.

    Args:
        api: what `load_library` returns.
        path: folder of the SavedModel.
        signatures: {signature: {"inputs": {name: tensor}, "outputs": {name: tensor}}}, as from `signatures`.
    """

    def __init__(self, api, path, signatures):
        self.api, self.signatures = api, signatures
        self.graph = ctypes.c_void_p(api["TF_NewGraph"]())
        options = ctypes.c_void_p(api["TF_NewSessionOptions"]())
        tags = (ctypes.c_char_p * 1)(b"serve")
        load = api["TF_LoadSessionFromSavedModel"]
        self.session = ctypes.c_void_p(
            self._checked(lambda status: load(options, None, str(path).encode(), tags, 1, self.graph, None, status))
        )

    def _checked(self, call):
        """`call(status)`, or its status as an exception."""
        status = ctypes.c_void_p(self.api["TF_NewStatus"]())
        try:
            result = call(status)
            if self.api["TF_GetCode"](status):
                raise ServingError(self.api["TF_Message"](status).decode(errors="replace"))
            return result
        finally:
            self.api["TF_DeleteStatus"](status)

    def _outputs(self, tensors):
        """TF_Output of each `operation:index`."""
        found = (Output * len(tensors))()
        for place, name in zip(found, tensors, strict=True):
            operation, _, index = name.partition(":")
            place.operation = self.api["TF_GraphOperationByName"](self.graph, operation.encode())
            place.index = int(index)
            if not place.operation:
                raise ServingError(f"the graph has no such operation. Received: {name}")
        return found

    def _to_tensor(self, array):
        array = np.asarray(array, order="C")
        number, shape = NUMBERS[array.dtype], (ctypes.c_int64 * array.ndim)(*array.shape)
        size = array.size * STRING_SIZE if number == STRING else array.nbytes
        tensor = ctypes.c_void_p(self.api["TF_AllocateTensor"](number, shape, array.ndim, ctypes.c_size_t(size)))
        if number == STRING:
            for place, text in zip(self._strings(tensor, array.size), array.flat, strict=True):
                self.api["TF_StringInit"](place)
                self.api["TF_StringCopy"](place, ctypes.c_char_p(text), ctypes.c_size_t(len(text)))
        elif size:
            ctypes.memmove(self.api["TF_TensorData"](tensor), array.ctypes.data, size)
        return tensor

    def _to_array(self, tensor):
        dims, number = range(self.api["TF_NumDims"](tensor)), self.api["TF_TensorType"](tensor)
        array = np.empty([self.api["TF_Dim"](tensor, d) for d in dims], DTYPES[number])
        if number == STRING:
            for index, place in enumerate(self._strings(tensor, array.size)):
                array.flat[index] = ctypes.string_at(self.api["TF_StringGetDataPointer"](place), self.api["TF_StringGetSize"](place))
        elif array.nbytes:
            ctypes.memmove(array.ctypes.data, self.api["TF_TensorData"](tensor), array.nbytes)
        return array

    def _strings(self, tensor, size):
        """Pointers to the strings of a tensor of `size` of them."""
        start = self.api["TF_TensorData"](tensor) if size else 0
        return [ctypes.c_void_p(start + STRING_SIZE * index) for index in range(size)]

    def run(self, signature, inputs):
        """The outputs of a signature, {name: array}.

        Raises:
            ServingError: inputs are missing or unknown, or the graph refuses their values.
        """
        names = self.signatures[signature]
        if set(inputs) != set(names["inputs"]):
            raise ServingError(f"{signature} takes {sorted(names['inputs'])}. Received: {sorted(inputs)}")
        feeds = self._outputs([names["inputs"][name] for name in inputs])
        fetches = self._outputs(list(names["outputs"].values()))
        given = (ctypes.c_void_p * len(inputs))(*(self._to_tensor(array).value for array in inputs.values()))
        found = (ctypes.c_void_p * len(fetches))()
        arguments = (feeds, given, len(given), fetches, found, len(found), None, 0, None)
        try:
            self._checked(lambda status: self.api["TF_SessionRun"](self.session, None, *arguments, status))
            return {name: self._to_array(ctypes.c_void_p(t)) for name, t in zip(names["outputs"], found, strict=True)}
        finally:
            for tensor in (*given, *found):
                if tensor:
                    self.api["TF_DeleteTensor"](ctypes.c_void_p(tensor))  # with its strings


def answer(requests, replies):
    """The process of `Client`: load models and run requests, pickled from one stream to another, until they end."""
    api, sessions = load_library(), {}
    while True:
        try:
            name, *request = pickle.load(requests)
        except EOFError:
            return
        try:
            if name not in sessions:
                sessions[name] = Session(api, *request)
                reply = sorted(sessions[name].signatures)
            else:
                reply = sessions[name].run(*request)
        except ServingError as error:
            reply = error
        imported = [module for module in sys.modules if module.split(".")[0] in FORBIDDEN]
        assert not imported, imported
        pickle.dump(reply, replies)
        replies.flush()


class Client:
    """A process without TensorFlow's Python that answers requests to SavedModels.

    Args:
        paths: {name: folder of a SavedModel}; a model is loaded as it is first asked for.
    """

    def __init__(self, paths):
        command = [sys.executable, "-P", __file__]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.paths, self.loaded = paths, set()

    def _ask(self, *request):
        pickle.dump(request, self.process.stdin)
        self.process.stdin.flush()
        reply = pickle.load(self.process.stdout)
        if isinstance(reply, ServingError):
            raise reply
        return reply

    def run(self, model, signature, /, **inputs):
        """The outputs of a model's signature for NumPy arrays, or a ServingError."""
        if model not in self.loaded:
            self._ask(model, str(self.paths[model]), signatures(self.paths[model]))
            self.loaded.add(model)
        return self._ask(model, signature, inputs)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.communicate()
        assert error[0] or self.process.returncode == 0, self.process.returncode


def signatures(path):
    """Names of the tensors of each signature of a SavedModel, as `Session` takes them. Needs TensorFlow's protobufs."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((pathlib.Path(path) / "saved_model.pb").read_bytes())
    return {
        name: {"inputs": {k: t.name for k, t in s.inputs.items()}, "outputs": {k: t.name for k, t in s.outputs.items()}}
        for name, s in saved.meta_graphs[0].signature_def.items()
        if not name.startswith("__")
    }


if __name__ == "__main__":
    sys.modules["serving_client"] = sys.modules["__main__"]  # so that an error is pickled under the module's own name
    ServingError.__module__ = "serving_client"
    answer(sys.stdin.buffer, sys.stdout.buffer)
