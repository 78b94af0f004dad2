"""Networks of sequences, which read and write any length."""

from tfar.networks.sequences.base import SequenceNetwork
from tfar.networks.sequences.char_rnn import CharRNN

__all__ = ["CharRNN", "SequenceNetwork"]
