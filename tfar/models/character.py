"""Models of text: a network of sequences with the vocabulary that turns characters into its classes and back."""

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import heads, noise
from tfar.datasets import Vocabulary
from tfar.distributions import writing
from tfar.distributions.support import Guard
from tfar.models.autoregressive import AutoregressiveModel
from tfar.networks.sequences import SequenceNetwork
from tfar.serving import text_endpoints
from tfar.serving.endpoints import Endpoint
from tfar.validation import as_tensor, check_counts, check_numbers, check_support, checked_context, context_of

FLOAT32 = np.finfo(np.float32)


@keras.saving.register_keras_serializable(package="tfar")
class CharacterModel(AutoregressiveModel):
    """A density of texts of any length: p(x) = prod_t p(x_t | x_1, ..., x_{t-1}), the first character included.

    It reads and writes strings, which it encodes as codes 0..K-1. `fit` takes windows of codes `[B, T]`, and `distribution()` is that of
    codes of `event_shape`. The metrics are per character: `nll` in nats, `bits_per_dim` in bits.

    Args:
        network: a `tfar.networks.SequenceNetwork`, such as `tfar.networks.CharRNN`.
        head: a `tfar.heads.Categorical`.
        vocabulary: a `tfar.datasets.Vocabulary` of as many symbols as the head has classes.
        **kwargs: of `keras.Model`.

    Raises:
        ValueError: `network` is not a `SequenceNetwork`, or the head is not `Categorical` with a class for each symbol.

    >>> import tfar
    >>> model = tfar.CharRNN("helo", length=5, units=8, num_layers=1)
    >>> model.log_prob("hello").shape, model.log_prob(["hello", "hole"]).shape
    (TensorShape([]), TensorShape([2]))
    >>> [len(text) for text in model.sample(2, length=12, prompt="he", seed=1)]
    [14, 14]
    """

    network: Any  # a SequenceNetwork: a subclass cannot narrow an attribute

    def __init__(self, network: SequenceNetwork, head: heads.Head | str, vocabulary: Vocabulary | dict[str, Any], **kwargs: Any):
        super().__init__(network, head, **kwargs)
        if not isinstance(network, SequenceNetwork):
            raise ValueError(f"network must be a tfar.networks.SequenceNetwork. Received: network={network!r}")
        self.vocabulary = vocabulary if isinstance(vocabulary, Vocabulary) else Vocabulary.from_config(vocabulary)
        if self.head != heads.Categorical(len(self.vocabulary)):
            raise ValueError(f"{self.vocabulary!r} needs Categorical({len(self.vocabulary)}). Received: head={self.head!r}")

    # Scoring

    def log_prob(self, x: Any, context: Any = None) -> tf.Tensor:
        """Score texts: log p(x) in nats.

        Args:
            x: a string, a list of B strings, or codes `[B, T]` with T of any size.
            context: `[B, C]`, `[C]` for all, or None.

        Returns:
            float32 `[B]`; a scalar for a string.

        Raises:
            ValueError: a character is not in the vocabulary, a code is not in 0..K-1, or a text is empty.
        """
        single, lengths = isinstance(x, str), None
        if single or (isinstance(x, list | tuple) and x and all(isinstance(text, str) for text in x)):
            if not tf.executing_eagerly():
                raise ValueError("strings are scored eagerly; a graph scores codes [B, T]. Received: strings in a tf.function")
            x, lengths = self._encoded([x] if single else x)
        x = as_tensor(x=x)
        if x.shape.rank != 2 or x.shape[1] == 0:
            raise ValueError(f"x must be a string, strings, or codes [B, T] with T of at least 1. Received: x.shape={x.shape}")
        if not tf.executing_eagerly():
            rows = tf.shape(x)[0] if x.shape[0] is None else x.shape[0]
            return self._read(check_support(self.head, x), self._contexts(context, rows))
        codes = np.asarray(check_support(self.head, x))
        pieces = writing.score(self.network, self.head, codes, lengths, self._contexts(context, len(codes)))
        total = sum((piece.sum(axis=1) for piece in pieces), np.zeros(len(codes)))
        return tf.constant(total[0] if single else total, tf.float32)

    def _encoded(self, texts: Any) -> tuple[np.ndarray, np.ndarray]:
        """Codes int32 `[B, T]` of texts, 0 after the end of each, and their lengths `[B]`."""
        codes = [self.vocabulary.encode(text) for text in texts]
        lengths = np.array([len(row) for row in codes])
        if not lengths.all():
            raise ValueError("a text must have at least one character. Received: an empty one")
        rows = np.zeros([len(codes), lengths.max()], np.int32)
        for row, code in zip(rows, codes, strict=True):
            row[: len(code)] = code
        return rows, lengths

    def _contexts(self, context: Any, rows: Any) -> tf.Tensor | None:
        """A context for each of some rows, `[rows, C]`."""
        context = checked_context(context, self.network.context_size)
        return None if context is None else context_of(context, [rows])

    # Writing

    def sample(  # pyright: ignore[reportIncompatibleMethodOverride]  # strings, where the base class draws arrays
        self,
        n: int = 1,
        seed: Any = None,
        context: Any = None,
        length: int | None = None,
        prompt: str | Sequence[str] = "",
        temperature: float = 1.0,
        top_k: int | None = None,
    ) -> list[str]:
        """Write texts.

        Args:
            n: number of texts.
            seed: as in `AutoregressiveModel.sample`.
            context: `[n, C]`, `[C]` for all, or None.
            length: number of characters after the prompt; None for that of `event_shape`.
            prompt: a string with which all begin, or one string each, all of the same number of characters.
            temperature: above 0; the characters are drawn from p_k^(1 / temperature) / Z, so that a low temperature gives likelier texts.
            top_k: draw from so many of the most probable characters only; None for all.

        Returns:
            n strings, each with its prompt.

        Raises:
            ValueError: a character is not in the vocabulary; the prompts differ in length, or their number is not `n`; `n`, `length` or
                `top_k` is not a positive integer; or the temperature is not a positive number in float32.
        """
        parts = list(self._pieces(n, seed, context, length, prompt, temperature, top_k))
        codes = np.concatenate([self._prompts(prompt, n), *parts], axis=1)
        return [self.vocabulary.decode(row) for row in codes]

    def write(
        self,
        length: int,
        seed: Any = None,
        context: Any = None,
        prompt: str = "",
        temperature: float = 1.0,
        top_k: int | None = None,
    ) -> Iterator[str]:
        """Write one text and yield it as it is drawn, a few characters at a time, without the prompt; arguments as in `sample`.

        >>> import tfar
        >>> model = tfar.CharRNN("helo", units=8, num_layers=1)
        >>> "".join(model.write(100, seed=3)) == model.sample(1, length=100, seed=3)[0]
        True
        """
        decoder = self.vocabulary.decoder()
        for piece in self._pieces(1, seed, context, length, prompt, temperature, top_k):
            yield decoder.feed(piece[0])
        yield decoder.finish()

    def _pieces(
        self, n: int, seed: Any, context: Any, length: int | None, prompt: str | Sequence[str], temperature: float, top_k: int | None
    ) -> Iterator[np.ndarray]:
        """The codes of `n` texts after their prompts, a few symbols at a time."""
        length = int(self.network.event_size) if length is None else length
        check_counts(n=n, length=length)
        if top_k is not None:
            check_counts(top_k=top_k)
        least, most = float(FLOAT32.tiny), float(FLOAT32.max)  # the loop computes in float32, without its subnormal numbers
        check_numbers("(0, inf]", temperature=temperature)
        if not least <= temperature <= most:
            raise ValueError(f"temperature must be above 0, from {least:.2g} to {most:.2g}. Received: temperature={temperature!r}")
        seeds = noise.seeds_of(seed, n)
        context = self._contexts(context, n)
        return writing.pieces(self.network, self.head, seeds, length, self._prompts(prompt, n), context, temperature, top_k)

    def _prompts(self, prompt: str | Sequence[str], n: int) -> np.ndarray:
        """Codes `[n, L]` of the prompts."""
        prompts = [prompt] * n if isinstance(prompt, str) else prompt
        if not isinstance(prompts, list | tuple) or not all(isinstance(text, str | bytes) for text in prompts):
            raise ValueError(f"prompt must be one string, or {n} of the same length. Received: prompt={prompt!r}")
        codes = [self.vocabulary.encode(text) for text in prompts]
        if len(codes) != n or len({len(code) for code in codes}) > 1:
            lengths = sorted({len(code) for code in codes})
            raise ValueError(f"prompt must be one string, or {n} of the same length. Received: {len(codes)} of lengths {lengths}")
        return np.stack(codes)

    # For Keras

    def _as_values(self, x: Any) -> tf.Tensor:
        """Codes as a tensor `[B, T]`, T of any size."""
        x = tf.convert_to_tensor(x)
        if x.shape.rank is not None and x.shape.rank != 2:
            raise ValueError(f"x must be codes [B, T]. Received: x.shape={x.shape}")
        return x

    def _read(self, x: tf.Tensor, context: Any, training: bool = False) -> tf.Tensor:
        """log p(x) `[B]` of codes `[B, T]` in one scan."""
        return self._objective(x, context, training)

    def nats(self, x: Any, context: Any = None, training: bool = False, state: Any = None) -> tuple[tf.Tensor, Any]:
        """As `AutoregressiveModel.nats`, per character: nats `[B]` of codes `[B, T]`, divided by T."""
        x = self._as_values(x)
        if state is None:
            return self._nll_of(x, self._objective(x, context, training)), None
        guard = Guard(self.head, x)
        nats, state = self.network.continued_objective(guard.x, state, self.head, training)
        return self._nll_of(x, guard.scores(-nats)), state

    def _nll_of(self, x: Any, log_prob: Any) -> Any:
        """Nats per character `[B]`."""
        x = x[0] if isinstance(x, list | tuple) else x
        return -log_prob / tf.cast(tf.shape(x)[1], log_prob.dtype)

    @property
    def metric_size(self) -> int:
        """1: the metrics are per character."""
        return 1

    # Files

    def endpoints(self, jit_compile: bool = False) -> dict[str, Endpoint]:
        """The endpoints that `export` writes; see `tfar.serving.text_endpoints.endpoints`."""
        return text_endpoints.endpoints(self, jit_compile)

    def density_settings(self) -> dict[str, Any]:
        """As `AutoregressiveModel.density_settings`, and the vocabulary."""
        return {**super().density_settings(), "vocabulary": self.vocabulary.to_config()}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "vocabulary": self.vocabulary.to_config()}
