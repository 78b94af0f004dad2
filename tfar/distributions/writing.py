"""Long sequences in pieces: written as they are drawn, and scored, in memory that does not grow with their length."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tfar import noise
from tfar.distributions import sampling
from tfar.heads.base import Head
from tfar.networks.sequences.base import SequenceNetwork
from tfar.validation import check_arrays, check_counts

WRITTEN, READ = 64, 256  # symbols in a piece; even, because noise comes in pairs


class Tempered:
    """A categorical head whose draws are from p_k^(1 / temperature) / Z, restricted to the `top_k` most probable classes.

    Args:
        head: the `tfar.heads.Categorical`.
        temperature: above 0, a tensor that broadcasts to `[B]`; 1 leaves the probabilities as they are.
        top_k: number of classes, an integer tensor that broadcasts to `[B]`; None for all.
    """

    def __init__(self, head: Head, temperature: Any, top_k: Any = None):
        self._head, self._temperature, self._top_k = head, temperature, top_k
        self.dtype = head.dtype

    def draw(self, params: tf.Tensor, noise: tf.Tensor, dimension: Any = None) -> tf.Tensor:
        """Draw values `[B]` from parameters `[B, K]` and noise `[B, 1]`."""
        logits = tf.cast(params, tf.float32)
        if self._top_k is not None:
            ordered = tf.sort(logits, axis=-1, direction="DESCENDING")
            last = tf.broadcast_to(tf.clip_by_value(self._top_k, 1, tf.shape(logits)[1]) - 1, tf.shape(logits)[:1])
            logits = tf.where(logits < tf.gather(ordered, last[:, tf.newaxis], batch_dims=1), -np.inf, logits)
        temperature = tf.broadcast_to(self._temperature, tf.shape(logits)[:1])
        below = logits - tf.reduce_max(logits, axis=-1, keepdims=True)  # at most 0: a small temperature must not make inf - inf of it
        return self._head.draw(below / temperature[:, tf.newaxis], noise, dimension)


def pieces(
    network: SequenceNetwork,
    head: Head,
    seeds: Any,
    length: int,
    prompt: Any = None,
    context: tf.Tensor | None = None,
    temperature: float = 1.0,
    top_k: int | None = None,
    jit_compile: bool = True,
) -> Iterator[np.ndarray]:
    """Write sequences, some symbols at a time: the loop of `tfar.distributions.sampling`, interrupted and continued.

    With the same seeds, temperature 1 and all classes the sequences are those of `AutoregressiveDistribution.sample_rows`, and a longer
    sequence begins with a shorter one.

    Args:
        network: a `tfar.networks.SequenceNetwork`.
        head: a `tfar.heads.Categorical`.
        seeds: int32 `[B, 2]`.
        length: number of symbols after the prompt.
        prompt: int32 `[B, L]` with which the sequences begin, or None.
        context: `[B, C]` or None.
        temperature, top_k: see `Tempered`.
        jit_compile: whether to compile the loop by XLA.

    Yields:
        int32 arrays `[B, n]`, together `[B, length]`.
    """

    def piece(
        state: Any, uniforms: tf.Tensor, given: tf.Tensor, values: tf.Tensor, start: tf.Tensor, temperature: tf.Tensor, top_k: Any
    ) -> Any:
        tempered = Tempered(head, temperature, top_k)
        out, state = sampling.advance(network, tempered, uniforms, state, given, values, start + tf.range(WRITTEN))
        return out, network.after(state, out[-1])

    write = network.traced(("pieces", head, top_k is None, jit_compile), piece, jit_compile=jit_compile)
    rows = len(seeds)
    prompt = np.zeros([rows, 0], np.int32) if prompt is None else np.asarray(prompt, np.int32)
    state = network.initial_state(rows, context, value_dtype=head.dtype)
    options = tf.constant(temperature, tf.float32), None if top_k is None else tf.constant(top_k)
    for start in range(0, prompt.shape[1] + length, WRITTEN):
        known = prompt[:, start : start + WRITTEN]
        count = known.shape[1]
        values = np.zeros([WRITTEN, rows], np.int32)
        values[:count] = known.T
        given = np.broadcast_to(np.arange(WRITTEN)[:, None] < count, values.shape)
        uniforms = position_major_noise(seeds, WRITTEN, start)
        out, state = write(state, uniforms, tf.constant(given), tf.constant(values), tf.constant(start), *options)
        out = out.numpy()[count : prompt.shape[1] + length - start].T
        if out.shape[1]:
            yield out


def position_major_noise(seeds: Any, count: Any, start: int = 0) -> tf.Tensor:
    """The noise of `count` symbols from `start` on, `[count, B, 1]`, from the rows' seeds `[B, 2]`."""
    return tf.transpose(noise.uniform(seeds, count, start=start))[:, :, tf.newaxis]


def score(network: SequenceNetwork, head: Head, x: Any, lengths: Any = None, context: tf.Tensor | None = None) -> Iterator[np.ndarray]:
    """Score the symbols of sequences of any length, a piece at a time.

    Args:
        network, head: as in `pieces`.
        x: integers `[B, T]`.
        lengths: number of symbols of each row that count, `[B]`; None for all.
        context: `[B, C]` or None.

    Yields:
        float64 arrays `[B, n]`, the log-probability of each symbol in nats, 0 where it does not count.

    Raises:
        ValueError: a symbol is outside the head's support, or a context is not finite.
    """
    check_arrays(head, np.asarray(x), context)

    def piece(x: tf.Tensor, state: Any) -> Any:
        params, state = network.scan(x, state)
        return head.log_prob(params, x, event_ndims=0), state

    read = network.traced(("score", head), piece, reduce_retracing=True)
    x = np.asarray(x)
    lengths = np.full(len(x), x.shape[1]) if lengths is None else np.asarray(lengths)
    state = network.initial_state(len(x), context, value_dtype=head.dtype)
    for start in range(0, x.shape[1], READ):
        part = x[:, start : start + READ].astype(np.int32)
        log_prob, state = read(tf.constant(part), state)
        counts = start + np.arange(part.shape[1]) < lengths[:, None]
        yield np.where(counts, log_prob.numpy(), 0.0).astype(np.float64)


def score_text(network: SequenceNetwork, head: Head, codes: Any, streams: int = 64, warm_up: int = 256) -> Iterator[tuple[int, np.ndarray]]:
    """Score one long sequence as several streams side by side, which is as many times faster.

    The sequence is cut into equal parts. Each part is scored given the `warm_up` symbols before it. One stream gives the exact
    log p(x). Several approximate it, from below in all but rare cases, since the state has read fewer symbols.

    Args:
        network, head: as in `pieces`.
        codes: integers `[n]`.
        streams: largest number of parts; there are fewer where a part would have less than `4 * warm_up` symbols.
        warm_up: number of symbols that each part but the first reads before it is scored.

    Yields:
        `(start, nats)`: the log-probabilities of the symbols from `start` on, float64 `[m]`, m at most `READ`. Each symbol is in one
        piece.

    Raises:
        ValueError: `streams` is not a positive integer, or a code is outside the head's support.
    """
    check_counts(streams=streams)
    codes = np.asarray(codes)
    size = -(-len(codes) // max(1, min(streams, len(codes) // max(1, 4 * warm_up))))
    streams = -(-len(codes) // size)

    def read(x: np.ndarray, starts: Any, lengths: np.ndarray, skipped: int) -> Iterator[tuple[int, np.ndarray]]:
        at = -skipped
        for piece in score(network, head, x, lengths + skipped):
            for row, start, length in zip(piece, starts, lengths, strict=True):
                first, last = max(at, 0), min(at + len(row), length)
                if first < last:
                    yield start + first, row[first - at : last - at]
            at += piece.shape[1]

    yield from read(codes[None, :size], [0], np.array([size]), 0)
    if streams > 1:
        starts = np.arange(1, streams) * size
        rows = np.zeros([streams - 1, warm_up + size], codes.dtype)
        lengths = np.minimum(starts + size, len(codes)) - starts
        for row, start, length in zip(rows, starts, lengths, strict=True):
            row[: warm_up + length] = codes[start - warm_up : start + length]
        yield from read(rows, starts, lengths, warm_up)
