"""Importing TensorFlow without what its libraries print as they load."""

import os
import sys


def import_tensorflow() -> None:
    """Import TensorFlow quietly, unless TF_CPP_MIN_LOG_LEVEL is 0.

    Its libraries heed that variable only after they have printed. They bypass Python, so the file descriptor is turned away; errors are
    raised as ever. What its Python parts warn of is about TensorFlow's own use of itself.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0" or "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            import tensorflow as tf

            tf.config.list_physical_devices()  # complains where there is no GPU
            tf.get_logger().setLevel("ERROR")
    finally:
        os.dup2(kept, 2)
        os.close(kept)
