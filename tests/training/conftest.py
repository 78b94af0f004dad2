"""What tests of the training share."""

from support.graphs import graphs  # noqa: F401
