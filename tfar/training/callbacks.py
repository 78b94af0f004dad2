"""Pictures of a model as it learns, drawn when epochs end."""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfar import plotting
from tfar.distributions import AutoregressiveDistribution
from tfar.models.character import CharacterModel
from tfar.orders import inverse

NO_TENSORBOARD = "event files need tensorboard: pip install 'tfar[tensorboard]'"
DRAWS = 4  # completions of each row


def require_tensorboard() -> None:
    """Raise an ImportError that says what to install, where TensorBoard is missing; TensorFlow comes without it."""
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError(NO_TENSORBOARD)


class SamplePictures(keras.callbacks.Callback):
    """Draw samples, completions and likelihoods when an epoch ends, to a folder, to TensorBoard, or to both.

    Three pictures: `count` samples; and of reference rows that are images the completions of their second half in the
    model's order, which is mostly the lower one, and the maps of what each pixel costs. Of events that are no images there is one
    picture, the samples of each column beside the reference rows. All are drawn from one seed, so
    that those of different epochs differ by the weights alone.

    They show the weights that the model has when the callback is called. Where training averages them, the callback must
    come after `keras.callbacks.SwapEMAWeights(swap_on_epoch=True)` to show the averages; `tfar.training.fit` puts it there.

    Args:
        folder: where to write `epoch-0001.png`, `epoch-0001-completions.png`, `epoch-0001-nll.png` and so on, replacing
            those that are there; None for nowhere.
        log_dir: TensorBoard's folder, where the images are "samples", "completions" and "nll"; None for nowhere.
        every: draw after each so many epochs; 0 for once when training ends, as `final.png` and so on.
        count: how many samples.
        seed: of the samples and completions, an integer or an int32 pair.
        context: of the samples `[count, C]`, for a model that takes one.
        labels: names of the classes that `context` stands for, `count` words: the samples are then in rows of classes.
        reference: a batch of rows to complete and to score, x `[B, *event]` or (x, context); None for none.

    Raises:
        ImportError: matplotlib is missing, or tensorboard where there is a `log_dir`.
        ValueError: `every` is negative, there is neither a folder nor a `log_dir`, or the model is one of text.

    >>> import tempfile, tfar
    >>> folder, x = tempfile.mkdtemp(), np.eye(4, dtype=np.int32)[:, None].repeat(4, axis=1)[..., None]
    >>> model = tfar.PixelCNN([4, 4, 1], num_blocks=1, filters=2, kernel_size=3)
    >>> model.compile("adam")
    >>> _ = model.fit(x, epochs=2, callbacks=[SamplePictures(folder, every=2, count=4, reference=x[:2])], verbose=0)
    >>> sorted(path.name for path in Path(folder).iterdir())
    ['epoch-0002-completions.png', 'epoch-0002-nll.png', 'epoch-0002.png']
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        log_dir: str | Path | None = None,
        every: int = 1,
        count: int = 36,
        seed: Any = 1,
        context: Any = None,
        labels: Sequence[str] | None = None,
        reference: Any = None,
    ):
        super().__init__()
        plotting.require()
        if folder is None and log_dir is None:
            raise ValueError("pictures need a folder, or TensorBoard's log_dir. Received: folder=None, log_dir=None")
        if log_dir is not None:
            require_tensorboard()
        if every < 0:
            raise ValueError(f"every must be a number of epochs, or 0 for the end of training. Received: every={every!r}")
        self.folder = None if folder is None else Path(folder)
        self.writer = None if log_dir is None else tf.summary.create_file_writer(str(log_dir), filename_suffix=".pictures")
        self.every, self.count, self.seed, self.context, self.labels = every, count, seed, context, labels
        self.x, self.x_context = reference if isinstance(reference, tuple) else (reference, None)
        self._epochs = 0

    @property
    def _trained(self) -> Any:
        """The model in training, a `tfar.AutoregressiveModel`."""
        return self.model

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if isinstance(model, CharacterModel):
            raise ValueError(f"pictures are of arrays. Received: {model!r}, a model of text")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._epochs = epoch + 1
        if self.every and self._epochs % self.every == 0:
            self.write(f"epoch-{self._epochs:04d}", self._epochs)

    def on_train_end(self, logs: Any = None) -> None:
        if not self.every:
            self.write("final", self._epochs)

    def write(self, stem: str, step: int) -> None:
        """Write all pictures: files whose names begin with `stem`, and TensorBoard's images of a step."""
        if not all(np.isfinite(weight).all() for weight in self._trained.get_weights()):
            return  # a training that has diverged ends by itself, and there is nothing to see
        for name, picture in self.pictures().items():
            if self.folder is not None:
                ending = "" if name == "samples" else f"-{name}"
                plotting.save(picture, self.folder / f"{stem}{ending}.png", overwrite=True, title=f"{name}, epoch {step}")
            if self.writer is not None:
                with self.writer.as_default():
                    tf.summary.image(name, plotting.rendered(picture)[None], step=step)
                    self.writer.flush()

    def pictures(self) -> dict[str, Any]:
        """Draw the pictures of the weights that the model has now: dict of name -> matplotlib `Figure`."""
        x = self._trained.sample(self.count, self.seed, self.context).numpy()
        images = self._images(x)
        if images is None:
            beside = None if self.x is None else np.reshape(self.x, [len(self.x), -1])
            return {"samples": plotting.table(x.reshape(len(x), -1), beside)}
        found = {"samples": plotting.image_grid(images) if self.labels is None else plotting.class_grid(images, self.labels)}
        if self.x is None:
            return found
        found["completions"] = self._completions()
        distribution = self._trained.distribution(self.x_context)
        if isinstance(distribution, AutoregressiveDistribution):  # the positions of a mixture of orders have no one cost
            found["nll"] = plotting.nll_maps(self._images(self.x), distribution.position_log_prob(self.x))
        return found

    def _completions(self) -> Any:
        network, event = self._trained.network, self._trained.event_shape
        observed = (inverse(network.order) < network.event_size // 2).reshape(event)
        x = np.asarray(self.x)
        rows = np.repeat(x, DRAWS, axis=0)
        context = None if self.x_context is None else np.repeat(self.x_context, DRAWS, axis=0)
        drawn = self._trained.complete(rows, observed, self.seed, context).numpy().reshape(-1, DRAWS, *event)
        both = np.concatenate([x[:, None], drawn], axis=1)
        images = self._images(both.reshape(-1, *event))  # of all at once: continuous values have one scale
        images = images.reshape(len(both), 1 + DRAWS, *images.shape[1:])
        observed = np.broadcast_to(observed.reshape(*event[:2], -1).all(axis=-1), images.shape[:1] + event[:2])
        return plotting.completions(images[:, 0], observed, images[:, 1:])

    def _images(self, x: Any) -> Any:
        head = self._trained.head
        return plotting.as_images(x, (head.num_classes or 2) if head.dtype.is_integer else None)
