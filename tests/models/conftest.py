"""What tests of models share."""

from support.graphs import graphs  # noqa: F401
