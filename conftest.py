"""What all tests share, those in docstrings included."""

import importlib.util
import os

collect_ignore = [] if importlib.util.find_spec("apache_beam") else ["tfar/beam.py"]  # which cannot be imported then

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

# pytest reads the modules of tfar past the import system, one by one; whichever is first must find its neighbours whole
import tfar.models  # noqa: E402, F401
