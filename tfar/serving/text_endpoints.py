"""The SavedModel of a model of text: strings in, strings out, the whole loop inside the graph."""

import numpy as np
import tensorflow as tf

from tfar import noise
from tfar.distributions import sampling
from tfar.distributions.writing import Tempered
from tfar.serving.export import checked
from tfar.validation import require

LONGEST = 100_000  # characters of a text, a prompt, and what follows it: what a server is sent must not exhaust it


def endpoints(model, jit_compile=False):
    """The endpoints of a `CharacterModel`, as `tfar.serving.export.endpoints` has them for other models.

        log_prob    text [B] string, context [B, C] float32                   -> log_prob [B] float32, nats; characters [B] int32
        sample      prompt [B] string, seed [B, 2] int32, length [B] int32,
                    temperature [B] float32, context                          -> text [B] string

    Strings are UTF-8. Row i of `text` begins with its prompt, and goes on for `length` characters (bytes, for a
    vocabulary of bytes). A text, a prompt and what follows it have `LONGEST` at most. With temperature 1 it is what
    `CharacterModel.sample` writes from the same seed. Requests that the vocabulary, a length or a temperature makes
    impossible fail with a message.

    Raises:
        ValueError: `jit_compile`: the length of a text is not known when a program is compiled.
    """
    if jit_compile:
        raise ValueError(f"the sampler of text has no fixed length to compile for. Received: jit_compile={jit_compile}")
    network, head, codec = model.network, model.head, Codec(model.vocabulary)
    size = network.context_size
    context = {"context": tf.TensorSpec([None, size], tf.float32, name="context")} if size else {}

    def log_prob(text, context=None):
        text, context = checked(text=(text, []), context=(context, [size]))
        codes, lengths = codec.encode(text)
        with tf.control_dependencies(require(lengths <= LONGEST, f"text must have at most {LONGEST} characters. Received: a longer one")):
            codes = tf.identity(codes)
        counted = tf.sequence_mask(lengths, tf.shape(codes)[1])

        def score():
            params, _ = network.scan(codes, network.initial_state(tf.shape(codes)[0], context))
            nats = head.log_prob(params, codes, event_ndims=0)
            return tf.cast(tf.reduce_sum(tf.where(counted, nats, tf.zeros_like(nats)), axis=1), tf.float32)

        nats = tf.cond(tf.shape(text)[0] > 0, score, lambda: tf.zeros([0]))
        return {"log_prob": nats, "characters": lengths}

    def sample(prompt, seed, length, temperature, context=None):
        shapes = {"prompt": (prompt, []), "seed": (seed, [2]), "length": (length, []), "temperature": (temperature, [])}
        prompt, seed, length, temperature, context = checked(**shapes, context=(context, [size]))
        sensible = require((length >= 0) & (length <= LONGEST), f"length must be 0 to {LONGEST}. Received: another one")
        sensible += require((temperature > 0) & tf.math.is_finite(temperature), "temperature must be above 0. Received: another one")
        with tf.control_dependencies(sensible):
            codes, known = codec.encode(prompt)
        with tf.control_dependencies(require(known <= LONGEST, f"prompt must have at most {LONGEST} characters. Received: a longer one")):
            codes = tf.identity(codes)

        def write():
            ends = known + length
            count = tf.maximum(tf.reduce_max(ends), tf.shape(codes)[1])
            uniforms = tf.transpose(noise.uniform(seed, count))[..., None]  # (T, B, 1)
            values = tf.transpose(tf.pad(codes, [[0, 0], [0, count - tf.shape(codes)[1]]]))
            given = tf.transpose(tf.sequence_mask(known, count))
            state = network.initial_state(tf.shape(codes)[0], context, value_dtype=head.dtype)
            out, _ = sampling.advance(network, Tempered(head, temperature), uniforms, state, given, values)
            return codec.decode(tf.transpose(out), ends)

        return {"text": tf.cond(tf.shape(prompt)[0] > 0, write, lambda: tf.zeros([0], tf.string))}

    one = tf.TensorSpec
    found = {
        "log_prob": (log_prob, {"text": one([None], tf.string, name="text"), **context}, {"text": codec.symbols[:1]}),
        "sample": (
            sample,
            {
                "prompt": one([None], tf.string, name="prompt"),
                "seed": one([None, 2], tf.int32, name="seed"),
                "length": one([None], tf.int32, name="length"),
                "temperature": one([None], tf.float32, name="temperature"),
                **context,
            },
            {"prompt": codec.symbols[:1], "length": [8], "temperature": [1.0]},
        ),
    }
    return {name: (tf.function(f, input_signature=list(s.values()), autograph=False), s, e) for name, (f, s, e) in found.items()}


def scored(model, codes, rows, length):
    """What `log_prob` takes and gives for a text cut into strings: text, log_prob, characters; arrays by name.

    Args:
        model: a `CharacterModel` without a context.
        codes: of the text, `[n]`, in the model's vocabulary.
        rows: how many strings at most.
        length: characters of each; where the text has fewer, it is one string.

    >>> from tfar import CharRNN
    >>> model = CharRNN("abc", units=4, num_layers=1)
    >>> found = scored(model, model.vocabulary.encode("cabba"), rows=9, length=2)
    >>> found["text"].tolist(), found["characters"].tolist(), found["log_prob"].shape
    ([b'ca', b'bb'], [2, 2], (2,))
    """
    length = min(length, len(codes))
    pieces = codes[: len(codes) // length * length].reshape(-1, length)
    pieces = pieces[pieces.any(axis=1)][:rows]  # NumPy's strings lose the zeros at their end, and of zero bytes alone nothing would be left
    codec = Codec(model.vocabulary)
    text = codec.decode(pieces.astype(np.int32), np.full(len(pieces), length)).numpy().astype(bytes)
    log_prob = model.log_prob([piece.decode("utf-8", "surrogateescape") for piece in text])
    return {"text": text, "log_prob": log_prob.numpy(), "characters": codec.encode(tf.constant(text))[1].numpy()}


class Codec:
    """A `tfar.datasets.Vocabulary` in TensorFlow operations, without tables, which a SavedModel would have to initialise.

    >>> from tfar.datasets import Vocabulary
    >>> codes, lengths = Codec(Vocabulary("abc")).encode(tf.constant(["cab", "b"]))
    >>> codes.numpy().tolist(), lengths.numpy().tolist()
    ([[2, 0, 1], [1, 0, 0]], [3, 1])
    >>> Codec(Vocabulary("abc")).decode(codes, lengths).numpy().tolist()
    [b'cab', b'b']
    """

    def __init__(self, vocabulary):
        self.bytes = vocabulary.kind == "bytes"
        self.points = np.array([ord(symbol) for symbol in vocabulary.symbols], np.int32)
        self.symbols = [bytes([p]) if self.bytes else chr(p).encode("utf-8", "surrogatepass") for p in self.points]
        self.unknown = None if vocabulary.unknown is None else vocabulary.symbols.index(vocabulary.unknown)

    def encode(self, text):
        """Codes int32 `[B, T]` of strings `[B]`, 0 after the end of each, with T at least 1, and their lengths `[B]`."""
        if self.bytes:
            lengths = tf.strings.length(text)
            points = tf.cast(tf.io.decode_raw(text, tf.uint8, fixed_length=tf.maximum(tf.reduce_max(lengths), 1)), tf.int32)
            return points, lengths
        ragged = tf.strings.unicode_decode(text, "UTF-8", errors="strict")
        lengths = tf.cast(ragged.row_lengths(), tf.int32)
        points = ragged.to_tensor(default_value=int(self.points[0]))  # (B, T)
        points = tf.pad(points, [[0, 0], [0, tf.cast(tf.shape(points)[1] == 0, tf.int32)]], constant_values=int(self.points[0]))
        order = np.argsort(self.points)
        at = tf.minimum(tf.searchsorted(self.points[order], tf.reshape(points, [-1])), len(order) - 1)
        found = tf.reshape(tf.gather(self.points[order], at), tf.shape(points)) == points
        codes = tf.reshape(tf.gather(order.astype(np.int32), at), tf.shape(points))
        if self.unknown is not None:
            codes = tf.where(found, codes, self.unknown)
        else:
            message = f"every character must be one of the {len(self.points)} of the vocabulary. Received: others"
            with tf.control_dependencies(require(tf.reduce_all(found, axis=1), message)):
                codes = tf.identity(codes)
        return tf.where(tf.sequence_mask(lengths, tf.shape(codes)[1]), codes, 0), lengths

    def decode(self, codes, lengths):
        """Strings `[B]` of the first `lengths [B]` codes of each row `[B, T]`."""
        symbols = tf.gather(tf.constant(self.symbols), codes)
        shown = tf.where(tf.sequence_mask(lengths, tf.shape(codes)[1]), symbols, "")
        return tf.strings.reduce_join(shown, axis=1)
