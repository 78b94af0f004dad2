"""The package `tfar`: what it has, and what importing it costs."""

import subprocess
import sys

from support import in_python


def test_the_package_is_lazy_and_complete():
    code = (
        "import sys, tfar\nassert 'tensorflow' not in sys.modules\n"
        "assert set(tfar.__all__) <= set(dir(tfar))\n"
        "assert all(getattr(tfar, name) is not None for name in tfar.__all__)\n"
        "try:\n    tfar.nothing\nexcept AttributeError as error:\n    assert 'nothing' in str(error)"
    )
    in_python(code)


def test_another_backend_of_keras_is_refused_at_once():
    code = "import keras\nkeras.backend.backend = lambda: 'jax'\nimport tfar"  # others are not installed
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "ImportError: tfar needs Keras on TensorFlow: set KERAS_BACKEND=tensorflow. Received: jax" in done.stderr
