"""Endpoints of models of text: strings in, strings out, the whole loop inside the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from tfar.datasets import Vocabulary
from tfar.distributions import sampling
from tfar.distributions.writing import Tempered, position_major_noise
from tfar.serving.endpoints import SEED, Endpoint, endpoint, spec
from tfar.serving.labels import Condition
from tfar.validation import require

if TYPE_CHECKING:
    from tfar.models.character import CharacterModel

LONGEST = 100_000  # characters of a text, of a prompt, and of what follows it, so that no request exhausts a server


def endpoints(model: CharacterModel, jit_compile: bool = False) -> dict[str, Endpoint]:
    """The endpoints of a `CharacterModel`, as `tfar.serving.endpoints.endpoints` has them for other models.

        log_prob    text [B] string, context [B, C] float32                   -> log_prob [B] float32, nats; characters [B] int32
        sample      prompt [B] string, seed [B, 2] int32, length [B] int32,
                    temperature [B] float32, context                          -> text [B] string

    Strings are UTF-8. Row i of `text` begins with its prompt and continues for `length` characters (bytes, for a vocabulary of bytes). A
    text, a prompt and what follows it have at most `LONGEST`. With temperature 1 it is what `CharacterModel.sample` writes from the same
    seed. A string that the vocabulary cannot encode, and a length or a temperature out of range fail with a message.

    Raises:
        ValueError: `jit_compile`: the length of a text is not known when a program is compiled.
    """
    if jit_compile:
        raise ValueError(f"the sampler of text has no fixed length to compile for. Received: jit_compile={jit_compile}")
    codec, context = Codec(model.vocabulary), Condition(model).inputs

    def log_prob(text: tf.Tensor, context: tf.Tensor | None = None) -> dict[str, tf.Tensor]:
        codes, lengths = _encoded(codec, "text", text)
        nats = tf.cond(tf.shape(text)[0] > 0, lambda: _score(model, codes, lengths, context), lambda: tf.zeros([0]))
        return {"log_prob": nats, "characters": lengths}

    def sample(
        prompt: tf.Tensor, seed: tf.Tensor, length: tf.Tensor, temperature: tf.Tensor, context: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        possible = tf.logical_and(length >= 0, length <= LONGEST)
        asserts = require(possible, f"length must be 0 to {LONGEST}.", "another one")
        possible = tf.logical_and(temperature > 0, tf.math.is_finite(temperature))
        asserts += require(possible, "temperature must be above 0.", "another one")
        with tf.control_dependencies(asserts):
            codes, known = _encoded(codec, "prompt", prompt)

        def write() -> tf.Tensor:
            ends = known + length
            return codec.decode(_continue(model, codes, known, ends, seed, temperature, context), ends)

        return {"text": tf.cond(tf.shape(prompt)[0] > 0, write, lambda: tf.zeros([0], tf.string))}

    prompts = spec("prompt", (), tf.string) | SEED | spec("length", (), tf.int32) | spec("temperature", (), tf.float32)
    return {
        "log_prob": endpoint(log_prob, spec("text", (), tf.string) | context, {"text": codec.symbols[:1]}),
        "sample": endpoint(sample, prompts | context, {"prompt": codec.symbols[:1], "length": [8], "temperature": [1.0]}),
    }


def _encoded(codec: Codec, name: str, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Codes `[B, T]` and lengths `[B]` of the strings of an input, none of which may be longer than `LONGEST`."""
    codes, lengths = codec.encode(text)
    with tf.control_dependencies(require(lengths <= LONGEST, f"{name} must have at most {LONGEST} characters.", "a longer one")):
        return tf.identity(codes), lengths


def _score(model: CharacterModel, codes: tf.Tensor, lengths: tf.Tensor, context: tf.Tensor | None) -> tf.Tensor:
    """log p of the first `lengths [B]` codes of each row `[B, T]`, float32 nats `[B]`."""
    params, _ = model.network.scan(codes, model.network.initial_state(tf.shape(codes)[0], context))
    nats = model.head.log_prob(params, codes, event_ndims=0)
    counted = tf.sequence_mask(lengths, tf.shape(codes)[1])
    return tf.cast(tf.reduce_sum(tf.where(counted, nats, tf.zeros_like(nats)), axis=1), tf.float32)


def _continue(
    model: CharacterModel,
    codes: tf.Tensor,
    known: tf.Tensor,
    ends: tf.Tensor,
    seed: tf.Tensor,
    temperature: tf.Tensor,
    context: tf.Tensor | None,
) -> tf.Tensor:
    """Codes `[B, T]` that begin with the first `known [B]` of `codes`; T is the largest of `ends`, or the length of `codes`."""
    count = tf.maximum(tf.reduce_max(ends), tf.shape(codes)[1])
    values = tf.transpose(_padded(codes, count - tf.shape(codes)[1]))
    given = tf.transpose(tf.sequence_mask(known, count))
    state = model.network.initial_state(tf.shape(codes)[0], context, value_dtype=model.head.dtype)
    uniforms = position_major_noise(seed, count)
    out, _ = sampling.advance(model.network, Tempered(model.head, temperature), uniforms, state, given, values)
    return tf.transpose(out)


def _padded(x: tf.Tensor, count: tf.Tensor, value: int = 0) -> tf.Tensor:
    """`x [B, T]` with `count` more columns of one value."""
    paddings: Any = [[0, 0], [0, count]]
    return tf.pad(x, paddings, constant_values=value)


def scored(model: CharacterModel, codes: np.ndarray, rows: int, length: int) -> dict[str, Any]:
    """What the endpoint `log_prob` takes and gives for a text cut into strings: text, log_prob, characters; arrays by name.

    Args:
        model: a `CharacterModel` without a context.
        codes: of the text, `[n]`, in the model's vocabulary.
        rows: largest number of strings.
        length: characters of each; a shorter text is one string.

    >>> from tfar import CharRNN
    >>> model = CharRNN("abc", units=4, num_layers=1)
    >>> strings = scored(model, model.vocabulary.encode("cabba"), rows=9, length=2)
    >>> strings["text"].tolist(), strings["characters"].tolist(), strings["log_prob"].shape
    ([b'ca', b'bb'], [2, 2], (2,))
    """
    length = min(length, len(codes))
    pieces = codes[: len(codes) // length * length].reshape(-1, length)
    pieces = pieces[pieces.any(axis=1)][:rows]  # NumPy's strings lose the zeros at their end, so that zero bytes alone leave nothing
    codec = Codec(model.vocabulary)
    text = codec.decode(pieces.astype(np.int32), np.full(len(pieces), length)).numpy().astype(bytes)
    log_prob = model.log_prob([piece.decode("utf-8", "surrogateescape") for piece in text])
    return {"text": text, "log_prob": log_prob.numpy(), "characters": codec.encode(tf.constant(text))[1].numpy()}


class Codec:
    """A `tfar.datasets.Vocabulary` in TensorFlow operations, without tables, which a SavedModel would have to initialise.

    Args:
        vocabulary: the vocabulary.

    >>> codes, lengths = Codec(Vocabulary("abc")).encode(tf.constant(["cab", "b"]))
    >>> codes.numpy().tolist(), lengths.numpy().tolist()
    ([[2, 0, 1], [1, 0, 0]], [3, 1])
    >>> Codec(Vocabulary("abc")).decode(codes, lengths).numpy().tolist()
    [b'cab', b'b']
    """

    def __init__(self, vocabulary: Vocabulary):
        self.bytes = vocabulary.kind == "bytes"
        self.points = np.array([ord(symbol) for symbol in vocabulary.symbols], np.int32)
        self.symbols = [bytes([p]) if self.bytes else chr(p).encode("utf-8", "surrogatepass") for p in self.points]
        self.unknown = None if vocabulary.unknown is None else vocabulary.symbols.index(vocabulary.unknown)

    def encode(self, text: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Codes int32 `[B, T]` of strings `[B]`, 0 after the end of each, with T at least 1, and their lengths `[B]`.

        Raises:
            ValueError: a character is not in the vocabulary, which has none for unknown ones. In a graph an assertion fails instead.
        """
        if self.bytes:
            lengths = tf.strings.length(text)
            points = tf.io.decode_raw(text, tf.uint8, fixed_length=tf.maximum(tf.reduce_max(lengths), 1))
            return tf.cast(points, tf.int32), lengths
        ragged: Any = tf.strings.unicode_decode(text, "UTF-8", errors="strict")
        lengths, first = tf.cast(ragged.row_lengths(), tf.int32), int(self.points[0])
        points = ragged.to_tensor(default_value=first)  # (B, T)
        points = _padded(points, tf.cast(tf.shape(points)[1] == 0, tf.int32), first)
        order = np.argsort(self.points)
        at = tf.minimum(tf.searchsorted(self.points[order], tf.reshape(points, [-1])), len(order) - 1)
        known = tf.reshape(tf.gather(self.points[order], at), tf.shape(points)) == points
        codes = tf.reshape(tf.gather(order.astype(np.int32), at), tf.shape(points))
        if self.unknown is not None:
            codes = tf.where(known, codes, self.unknown)
        else:
            expected = f"every character must be one of the {len(self.points)} of the vocabulary."
            with tf.control_dependencies(require(tf.reduce_all(known, axis=1), expected, "others")):
                codes = tf.identity(codes)
        return tf.where(tf.sequence_mask(lengths, tf.shape(codes)[1]), codes, 0), lengths

    def decode(self, codes: Any, lengths: Any) -> tf.Tensor:
        """Strings `[B]` of the first `lengths [B]` codes of each row `[B, T]`."""
        symbols = tf.gather(tf.constant(self.symbols), codes)
        shown = tf.where(tf.sequence_mask(lengths, tf.shape(codes)[1]), symbols, "")
        return tf.strings.reduce_join(shown, axis=1)
