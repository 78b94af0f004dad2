"""Recurrences that networks share, each with its own backward pass."""

from tfar.networks.scans.checkpointed import checkpointed_scan
from tfar.networks.scans.recurrent import recurrent_scan
from tfar.networks.scans.stacking import stacking_loop
from tfar.networks.scans.summing import summing_scan

__all__ = ["checkpointed_scan", "recurrent_scan", "stacking_loop", "summing_scan"]
