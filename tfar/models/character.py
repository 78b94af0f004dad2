"""Models of text: a `CharRNN` network with the vocabulary that turns characters into its classes and back."""

import keras
import numpy as np
import tensorflow as tf

from tfar import heads, noise
from tfar.datasets import Vocabulary
from tfar.distributions import writing
from tfar.models.autoregressive import AutoregressiveModel
from tfar.networks.sequences import SequenceNetwork
from tfar.validation import check_context, check_counts, check_support, checked_context, context_of


@keras.saving.register_keras_serializable(package="tfar")
class CharacterModel(AutoregressiveModel):
    """A density of texts of any length: p(x) = prod_t p(x_t | x_1, ..., x_{t-1}), the first character included.

    It reads and writes strings. Below the surface it is an `AutoregressiveModel` of codes 0..K-1: `fit` takes int
    windows `[B, T]`, `distribution()` is that of sequences of `event_shape`. The metrics are per character: `nll` in
    nats, `bits_per_dim` in bits.

    Args:
        network: a `tfar.networks.SequenceNetwork`, such as `tfar.networks.CharRNN`.
        head: a `tfar.heads.Categorical`.
        vocabulary: a `tfar.datasets.Vocabulary` of as many symbols as the head has classes.

    >>> model = CharRNN("helo", length=5, units=8, num_layers=1)
    >>> model.log_prob("hello").shape, model.log_prob(["hello", "hole!"[:4]]).shape
    (TensorShape([]), TensorShape([2]))
    >>> [len(text) for text in model.sample(2, length=12, prompt="he", seed=1)]
    [14, 14]
    """

    def __init__(self, network, head, vocabulary, **kwargs):
        super().__init__(network, head, **kwargs)
        if not isinstance(network, SequenceNetwork):
            raise ValueError(f"network must be a tfar.networks.SequenceNetwork. Received: network={network!r}")
        self.__dict__["_carried"] = None  # beside Keras' tracking: no part of the model
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary.from_config(vocabulary)
        if self.head != heads.Categorical(len(self.vocabulary)):
            raise ValueError(f"{self.vocabulary!r} needs Categorical({len(self.vocabulary)}). Received: head={self.head!r}")

    def log_prob(self, x, context=None):
        """Score texts: log p(x) in nats.

        Args:
            x: a string, a list of B strings, or codes `[B, T]` with T of any size.
            context: `[B, C]`, `[C]` for all, or None.

        Returns:
            float32 `[B]`; a scalar for a string.

        Raises:
            ValueError: characters that the vocabulary lacks, codes outside 0..K-1, or no text.
        """
        single, lengths = isinstance(x, str), None
        if single or (isinstance(x, list | tuple) and x and all(isinstance(text, str) for text in x)):
            codes = [self.vocabulary.encode(text) for text in ([x] if single else x)]
            lengths = np.array([len(row) for row in codes])
            if not lengths.all():
                raise ValueError("a text must have at least one character. Received: an empty one")
            x = np.zeros([len(codes), lengths.max()], np.int32)
            for row, code in zip(x, codes, strict=True):
                row[: len(code)] = code
        x = tf.convert_to_tensor(x)
        if x.shape.rank != 2 or x.shape[1] == 0:
            raise ValueError(f"x must be a string, strings, or codes [B, T] with T of at least 1. Received: x.shape={x.shape}")
        if not tf.executing_eagerly():
            if lengths is not None:
                raise ValueError("strings are scored eagerly; a graph scores codes [B, T]. Received: strings in a tf.function")
            return self._read(x, context)
        x = check_support(self.head, x).numpy()
        total = sum(piece.sum(axis=1) for piece in writing.score(self.network, self.head, x, lengths, self._contexts(context, len(x))))
        return tf.constant(total[0] if single else total, tf.float32)

    def sample(self, n=1, seed=None, context=None, length=None, prompt="", temperature=1.0, top_k=None):
        """Write texts.

        Args:
            n: how many.
            seed: as `AutoregressiveModel.sample`.
            context: `[n, C]`, `[C]` for all, or None.
            length: how many characters after the prompt; None for as many as `event_shape` has.
            prompt: a string with which all begin, or one string each of the same number of characters.
            temperature: above 0; p_k^(1 / temperature) / Z is drawn from: below 1 more likely texts, above 1 wilder ones.
            top_k: draw from so many of the most probable characters only; None for all.

        Returns:
            A list of n strings, each with its prompt.

        Raises:
            ValueError: characters that the vocabulary lacks, prompts of several lengths or another number of them than n, a length
                or top_k that is not above 0, or a temperature that is not, in float32.
        """
        parts = list(self._pieces(n, seed, context, length, prompt, temperature, top_k))
        codes = np.concatenate([self._prompts(prompt, n), *parts], axis=1)
        return [self.vocabulary.decode(row) for row in codes]

    def write(self, length, seed=None, context=None, prompt="", temperature=1.0, top_k=None):
        """Write one text and yield it as it comes, a few characters at a time, after the prompt; arguments as `sample`.

        >>> model = CharRNN("helo", units=8, num_layers=1)
        >>> "".join(model.write(100, seed=3)) == model.sample(1, length=100, seed=3)[0]
        True
        """
        decoder = self.vocabulary.decoder()
        for piece in self._pieces(1, seed, context, length, prompt, temperature, top_k):
            yield decoder.feed(piece[0])
        yield decoder.finish()

    def _pieces(self, n, seed, context, length, prompt, temperature, top_k):
        length = self.network.event_size if length is None else length
        check_counts(n=n, length=length)
        if top_k is not None:
            check_counts(top_k=top_k)
        single = np.finfo(np.float32)  # which the loop computes in, without its subnormal numbers
        least, most = float(single.tiny), float(single.max)
        if not least <= temperature <= most:
            raise ValueError(f"temperature must be above 0, from {least:.2g} to {most:.2g}. Received: temperature={temperature!r}")
        seeds = noise.seeds_of(seed, n)
        context = self._contexts(context, n)
        return writing.pieces(self.network, self.head, seeds, length, self._prompts(prompt, n), context, temperature, top_k)

    def _prompts(self, prompt, n):
        prompts = [prompt] * n if isinstance(prompt, str) else list(prompt)
        codes = [self.vocabulary.encode(text) for text in prompts]
        if len(codes) != n or len({len(code) for code in codes}) > 1:
            lengths = sorted({len(code) for code in codes})
            raise ValueError(f"prompt must be one string, or {n} of the same length. Received: {len(codes)} of lengths {lengths}")
        return np.stack(codes)

    def _contexts(self, context, rows):
        context = checked_context(context, self.network.context_size)
        return None if context is None else context_of(context, [rows])

    def fit(self, *args, carried=None, **kwargs):
        """`AutoregressiveModel.fit`, on windows of codes `[B, T]`.

        Args:
            carried: variables of the structure of `network.initial_state(B)`. Each batch then begins in the state that they hold, and
                leaves its last state there for the next one (truncated backpropagation through time); `tfar.training.fit` gives them.
        """
        if carried is None:
            return super().fit(*args, **kwargs)
        self.__dict__["_carried"] = carried
        self.train_function = None  # it is traced with the states or without
        try:
            return super().fit(*args, **kwargs)
        finally:
            self.__dict__["_carried"] = None
            self.train_function = None

    def _read(self, x, context=None, training=False):
        """log p(x) `[B]` of codes `[B, T]` in one scan."""
        if not training or self._carried is None:
            return -self.network.objective(x, context, self.head, training=training)
        nats, state = self.network.continued_objective(x, self._carried, self.head, training)
        for variable, value in zip(tf.nest.flatten(self._carried), tf.nest.flatten(state), strict=True):
            variable.assign(value)
        return -nats

    def call(self, inputs, training=False):
        x, context = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        x = tf.convert_to_tensor(x)
        if x.shape.rank is not None and x.shape.rank != 2:
            raise ValueError(f"x must be codes [B, T]. Received: x.shape={x.shape}")
        return self._read(check_support(self.head, x), check_context(context), training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return super().compute_loss(x, y, y_pred / self._size(x, y_pred), sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred / self._size(x, y_pred), sample_weight)

    metric_size = 1  # the metrics are per character already

    def _size(self, x, like):
        """T, in the dtype of `like`."""
        x = x[0] if isinstance(x, list | tuple) else x
        return tf.cast(tf.shape(x)[1], like.dtype)

    def endpoints(self, jit_compile=False):
        """What `export` writes; see `tfar.serving.text_endpoints.endpoints`."""
        from tfar.serving.text_endpoints import endpoints

        return endpoints(self, jit_compile)

    def get_config(self):
        return {**super().get_config(), "vocabulary": self.vocabulary.to_config()}
