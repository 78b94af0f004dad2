"""Fitting a model to data, and what its likelihood is worth."""

from tfar.training.arrays import batches, epoch_length, log_probs, summary
from tfar.training.loop import Feed, Fit, evaluate, fit
from tfar.training.resume import Resume

__all__ = ["Feed", "Fit", "Resume", "batches", "epoch_length", "evaluate", "fit", "log_probs", "summary"]
