"""Fitting a model to data, and what its likelihood is worth."""

from tfar.training.arrays import batches, epoch_length, summary
from tfar.training.loop import Feed, Fit, evaluate, fit
from tfar.training.resume import Resume
from tfar.training.streamed import log_probs

__all__ = ["Feed", "Fit", "Resume", "batches", "epoch_length", "evaluate", "fit", "log_probs", "summary"]
