"""Runs of arrays, images and tables: what the commands do with them."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tfar import datasets, noise, plotting, serving, training
from tfar.cli import conditions, outputs
from tfar.cli.runs import Run
from tfar.distributions import AutoregressiveDistribution
from tfar.heads import Head
from tfar.models import AutoregressiveModel
from tfar.training.baselines import baseline_nll, gaussian_nll

STORED_ROWS = 64  # test rows that are stored with an exported model
DRAWN_AT_ONCE = 500  # rows: what a row needs in a sampler may be a thousand times its size
SCORED_AT_ONCE = 1000
MOST_DRAWN = 40  # rows in a picture of completions


class ArrayRun(Run):
    """A run whose data are arrays: vectors, images or tables."""

    kind_in_words = conditions.ARRAYS
    unit, nats, bits = "rows", "nats", "bits_per_dim"
    baseline = "Independent positions, fitted to the rows that the model was,"

    @cached_property
    def preparation(self) -> datasets.Preparation:
        """The `tfar.datasets.Preparation` that the model was trained behind."""
        return datasets.Preparation.from_config(self.description)

    @property
    def standardization(self) -> datasets.Standardization | None:
        return self.preparation.standardization

    @property
    def labels(self) -> tuple[str, ...] | None:
        return self.preparation.context_names

    def check(self) -> None:
        super().check()
        found, network = self.preparation, self.model.network
        described, modelled = (found.event_shape, found.context_size or 0), (self.model.event_shape, network.context_size)
        if described != modelled:
            raise ValueError(f"its event shape and size of the context are {described}, those of the model {modelled}")
        if not isinstance(self.description["context"], str | None):
            raise ValueError(f"context is {self.description['context']!r}")

    def _read(self, data_dir: str | None, download: bool | None) -> datasets.Dataset:
        return datasets.load_config(self.description, data_dir=data_dir, download=download)

    def known(self, data_dir: str | None = None, download: bool | None = None) -> datasets.Split:
        """The rows that the model was fitted to: the training rows, and the validation rows after a refit."""
        data = self.load_data(data_dir, download)
        return data.train.joined(data.validation) if self.metrics.get("refit") else data.splits["train"]

    def rows(self, source: str | None = None, split: str | None = None, data_dir: str | None = None) -> datasets.Split:
        """Rows as the model takes them: those of another `source`, or a split ("test" unless said) of its own data."""
        if source is None:
            return self.load_data(data_dir).splits[split or "test"]
        if split is not None:
            raise ValueError(
                f"a split is one of the model's own data; of others all rows are taken, or the test rows. Received: {split!r} and {source}"
            )
        return datasets.prepare(source, self.description, data_dir=data_dir)

    def own_units(self, x: Any) -> np.ndarray:
        """Values as modelled in the units of the data; quantised values, which have none, and NaN are returned as they are."""
        if self.standardization is not None:
            return self.standardization.invert(x)
        p = self.preparation
        return np.asarray(x) / (p.levels - 1) if p.unit_interval and p.levels and p.levels == p.input_levels else np.asarray(x)

    def as_images(self, x: Any) -> np.ndarray | None:
        """Values as modelled `[N, *event]` as images from 0 to 1, grey `[N, H, W]` or coloured `[N, H, W, 3]`.

        Events `[H, W]`, `[H, W, 1]` and `[H, W, 3]` are images; None for others. Continuous ones are scaled from the least to the
        greatest value.
        """
        levels = self.preparation.levels
        return plotting.as_images(self.own_units(x) if levels is None else x, levels)

    @cached_property
    def of_images(self) -> bool:
        """Whether the events are images."""
        return self.as_images(np.zeros([1, *self.model.event_shape])) is not None

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the values of an event `[D]`."""
        return self.preparation.columns or tuple(f"column {i + 1}" for i in range(self.model.network.event_size))

    @property
    def label_column(self) -> list[str]:
        """The name of the column that class labels are written to, in a list; an empty one where there are none."""
        return [] if self.preparation.context_names is None else [self.description["context"]]

    def label_cells(self, context: Any, n: int) -> list[list[str]]:
        """What stands in `label_column` in each of n rows: a list of one label, or an empty one."""
        names = self.preparation.context_names
        return [[]] * n if names is None else [[names[i]] for i in np.argmax(context, axis=-1)]

    def contexts(self, text: str | None, n: int, first: int = 0) -> np.ndarray | None:
        """The contexts `[n, C]` that a command asks for, or None for a model without one.

        Args:
            text: class names or column values, or else C numbers, with commas between them; None for all classes in turn.
            n: number of rows; the classes are repeated in turn.
            first: the number of the first of these rows, which says whose turn it is.

        Raises:
            ValueError: the model takes no context, another one, or needs one to be given.
        """
        names = self.preparation.context_names
        wanted = conditions.context_of(text, self.preparation.context_size, names)
        if wanted is None:
            return None
        if names is not None:
            return datasets.one_hot([wanted[i % len(wanted)] for i in range(first, first + n)], names)
        return np.tile(np.array(wanted, np.float32), (n, 1))

    def evaluated(self, args: Any) -> tuple[str, datasets.Split]:
        self.refuse(args, "text", "streams")
        rows = self.rows(args.data, args.split, args.data_dir)
        return args.data or f"{self.description['name']}, {args.split or 'test'}", rows.take(slice(args.rows))

    def log_prob(self, rows: datasets.Split, args: Any) -> np.ndarray:
        orders = {} if args.num_orders is None else {"num_orders": args.num_orders, "seed": args.seed or 0}
        return training.log_probs(self.model, rows, args.batch_size or 100, **orders)

    def scores(self, log_prob: np.ndarray, rows: datasets.Split) -> dict[str, Any]:
        scores = training.summary(log_prob, self.model.network.event_size)
        if self.standardization is not None:
            scores["nll_own_units"] = scores["nll"] - self.standardization.log_jacobian
        return scores

    def baselines(self, rows: datasets.Split, args: Any) -> dict[str, Any]:
        try:
            known = self.known(args.data_dir, download=None if args.data is None else False).x  # a baseline is not worth one
        except (ValueError, OSError):  # other rows can be scored where the training rows, and with them the baseline, are gone
            if args.data is None:
                raise
            return {"baseline_nll": None}
        return references(self.model.head, known, rows.x)

    def report(self, title: str, scores: dict[str, Any], known: dict[str, Any]) -> str:
        own = "nll_own_units" in scores
        lines = [
            f"{title}: {scores['rows']:,} rows",
            f"  NLL       {scores['nll']:10.3f} +- {scores['nll_error']:.3f} nats (mean and its standard error), "
            f"{scores['bits_per_dim']:.4f} bits per dimension" + (", standardised" if own else ""),
        ]
        for name, words in {"baseline_nll": "independent positions", "gaussian_nll": "a normal of full covariance"}.items():
            if known.get(name) is not None:
                lines.append(f"  baseline  {known[name]:10.3f} nats, {words}")
        if own:
            lines.append(f"  NLL       {scores['nll_own_units']:10.3f} nats in the data's own units")
        return "\n".join(lines)

    def sample(self, args: Any) -> None:
        """Draw samples, and write them as a picture, and as an array or a table: in the data's own units, or in levels."""
        n = args.n or 64
        paths = outputs.paths(self, args, f"samples-{args.seed}")
        context = self.contexts(args.context, n)
        seeds = noise.seeds_of(args.seed, n)
        x = in_parts(lambda seeds, context: self.model.sample(len(seeds), seeds, context), seeds, context)
        for path in paths:
            if path.suffix == ".png":
                outputs.write_picture(self, path, x, self._data_beside(args.data_dir), args.overwrite, context)
            elif path.suffix == ".npy":
                outputs.write_array(path, self.own_units(x), args.overwrite)
            else:
                labels = self.label_cells(context, n)
                rows = [[*values, *label] for values, label in zip(outputs.rounded(self, x), labels, strict=True)]
                outputs.write_csv(path, [*self.columns, *self.label_column], rows, args.overwrite)
            print(path)

    def _data_beside(self, data_dir: str | None) -> np.ndarray | None:
        """The test rows of a table, to be drawn beside samples; None for images, and where the data are gone."""
        if self.of_images:
            return None
        try:
            return self.load_data(data_dir, download=False).test.x
        except (ValueError, OSError):
            return None

    def score(self, args: Any) -> None:
        """Write the nats of every row, and with `args.columns` of every value given those before it in the order."""
        path = outputs.score_path(self, args)
        rows = self.rows(args.data, args.split, args.data_dir)
        if not args.columns:
            outputs.write_scores(path, training.log_probs(self.model, rows, SCORED_AT_ONCE), None, args)
            return
        values = self.position_scores(rows)
        outputs.write_scores(path, values.sum(axis=1), dict(zip(self.columns, values.T, strict=True)), args)

    def position_scores(self, rows: datasets.Split) -> np.ndarray:
        """The log-probability of every value given those before it in the order, nats, float64 `[N, D]`.

        Raises:
            ValueError: the model has several orders.
        """
        if self.model.network.num_members > 1:
            raise ValueError(f"--columns is for models of one order. Received: {self.folder}, a model of {self.model.network.num_members}")

        def scores(x: np.ndarray, context: np.ndarray | None) -> Any:
            distribution = self.model.distribution(context, validate_args=True)
            assert isinstance(distribution, AutoregressiveDistribution)  # since there is one member
            return distribution.position_log_prob(x)

        found = in_parts(scores, rows.x, rows.context)
        return found.reshape(len(found), -1).astype(np.float64)

    def complete(self, args: Any) -> None:
        """Complete rows with blanks, or else rows of which the first positions of the model's order are given."""
        paths = outputs.paths(self, args, f"completions-{args.seed}")
        read = None
        if args.data is None:
            x, context = self.rows(data_dir=args.data_dir)
        else:
            read = datasets.read_like(args.data, self.description, args.data_dir, allow_blanks=True)
            x, context = datasets.prepare(read, self.description, allow_blanks=True, name=args.data)
        blank = np.isnan(x)
        filling = blank.any()
        if filling and args.observe is not None:
            raise ValueError(f"--observe is for rows without blanks. Received: --observe {args.observe}, and {blank.sum()} blanks")
        rows = slice(args.rows or (None if filling else 8))
        x, blank, context = x[rows], blank[rows], None if context is None else context[rows]
        if filling:
            self.check_blanks(blank, str(args.data))
        else:
            blank = ~first_positions(self.model, args.observe)[None].repeat(len(x), axis=0)
        drawn = draws(self.model, np.where(blank, 0, x), ~blank, args.n or 6, args.seed, context)
        for path in paths:
            if path.suffix == ".png":
                outputs.write_completions(self, path, x[:MOST_DRAWN], blank[:MOST_DRAWN], drawn[:MOST_DRAWN], args.overwrite)
            elif path.suffix == ".npy":
                own = self.own_units(drawn)
                outputs.write_array(path, own if read is None or read.channels else own[..., 0], args.overwrite)
            else:
                outputs.write_completed_table(self, path, read, blank, drawn, context, args.overwrite)
            print(path)

    def check_blanks(self, blank: np.ndarray, source: str) -> None:
        """Refuse blanks `[N, *event]` that are not last in the order of a model that can fill no others.

        Raises:
            ValueError: there are such rows; the first is named.
        """
        network = self.model.network
        if network.order_agnostic or network.num_members > 1:
            return
        ordered = blank.reshape(len(blank), -1)[:, np.asarray(network.order)]
        wrong = (ordered[:, :-1] & ~ordered[:, 1:]).any(axis=1)
        if wrong.any():
            row = int(wrong.argmax())
            number = int(np.asarray(network.order)[ordered[row].argmax()])
            raise ValueError(
                f"blanks must come last in the order of the model, here {self.columns[number]} does not: train with another --order, or a "
                f"deepnade, which fills any blanks. Received: {source}, row {row + 1}"
            )

    def test_rows(self, data_dir: str | None = None) -> dict[str, Any]:
        data = self.load_data(data_dir, download=False)  # a few rows are not worth a download
        return serving.scored(self.model, data.test.take(slice(STORED_ROWS)), self.standardization, self.labels)

    @property
    def values(self) -> str:
        return f"{self.preparation.kind} values `{list(self.model.event_shape)}`"

    def described_values(self, version: Path) -> list[str]:
        return [*self._described_x(version), *self._described_context(version), self._described_order()]

    def _described_x(self, version: Path) -> list[str]:
        """What x means: its support, and how it was made from the data."""
        p, head, s = self.preparation, self.model.head, self.standardization
        own = serving.standardization_of(version) is not None
        words = [f"`x` is {'float64' if own else head.dtype.name}: {head.support}."]
        if s is None:
            if p.unit_interval:
                words.append(f"A value v of the data, from 0 to 1, is taken for the whole number next to {(p.input_levels or 0) - 1} v.")
            if p.levels != p.input_levels:
                words.append(f"A value v of the data, 0 to {(p.input_levels or 0) - 1}, is floor({p.levels} v / {p.input_levels}) here.")
            return words
        if own:
            words.append(
                "`x` is in the data's own units, and `log_prob` is the log-density in them. The graph standardises `x`, (value - mean) / "
                "scale, with the statistics of the rows that it was fitted to. Log-densities of standardised values, as under Likelihood, "
                f"are `log_prob` {-s.log_jacobian:+.6f}."
            )
        else:
            words.append(
                "`x` is standardised, (value - mean) / scale, with the statistics of the rows that it was fitted to. Log-densities in the "
                f"data's own units are `log_prob` {s.log_jacobian:+.6f}."
            )
        rows = zip(self.columns, s.mean.ravel(), s.scale.ravel(), strict=True)
        words.append(
            outputs.markdown_table(["value", "mean", "scale"], [(name, f"{mean:.9g}", f"{scale:.9g}") for name, mean, scale in rows])
        )
        return words

    def _described_context(self, version: Path) -> list[str]:
        names = self.labels
        if names is not None and serving.labels_of(version) is not None:
            return [f"`label` is the name of a class, or its number from 0 on where no name is one, as a string: {', '.join(names)}."]
        if names is not None:
            return [f"`context` is one-hot, of the classes {', '.join(names)}, in this order."]
        if self.preparation.context_size:
            return [f"`context` is {self.preparation.context_size} numbers, as they were at training."]
        return []

    def _described_order(self) -> str:
        """What `complete` can do, and of which order `log_prob` is where there is a choice."""
        network = self.model.network
        if network.order_agnostic:
            return (
                "`complete` takes any pattern of `observed`, another one for each row. `log_prob` is always that of one and the same "
                "order; the mean of the probabilities in several orders, which scores better, is no endpoint."
            )
        orders = [network.generation_order(**network.member(k)) for k in range(network.num_members)]
        orders = list(dict.fromkeys(tuple(np.asarray(order).tolist()) for order in orders))
        rule = "`complete` takes patterns of `observed` that come first in the order of generation"
        if orders == [tuple(range(network.event_size))]:
            return f"{rule}, which is that of the flat array `x`."
        of = "" if len(orders) == 1 else f" of one of {len(orders)} members"
        lists = "\n".join(f"    {', '.join(map(str, order))}" for order in orders)
        return f"{rule}{of}; positions in the flat array `x`:\n\n{lists}"


def references(head: Head, known: np.ndarray, x: np.ndarray) -> dict[str, float | None]:
    """What a model must beat at x, fitted to the rows known: independent positions, and for real values the normal of full covariance.

    Returns:
        A dict of `baseline_nll` and, for real values, `gaussian_nll`, in nats; None where there is no such density.
    """
    independent = {"baseline_nll": baseline_nll(head, known, x)}
    return independent if head.discrete else {**independent, "gaussian_nll": gaussian_nll(known, x)}


def in_parts(draw: Callable[..., Any], *arrays: Any) -> np.ndarray:
    """What `draw` makes of the rows of some arrays, None among them, a part of the rows at a time: each has a seed of its own."""
    parts = [slice(start, start + DRAWN_AT_ONCE) for start in range(0, len(arrays[0]), DRAWN_AT_ONCE)]
    return np.concatenate([draw(*(None if array is None else array[rows] for array in arrays)).numpy() for rows in parts])


def first_positions(model: AutoregressiveModel, observe: float | str | None) -> np.ndarray:
    """Which positions are given, bool `[*event]`: a fraction `observe` (or "first-half", or None for it), first in the order."""
    order = model.network.order
    fraction = 0.5 if observe is None or isinstance(observe, str) else observe
    shown = np.zeros(len(order), bool)
    shown[order[: round(fraction * len(order))]] = True
    return shown.reshape(model.event_shape)


def draws(model: AutoregressiveModel, x: np.ndarray, observed: np.ndarray, n: int, seed: int, context: Any = None) -> np.ndarray:
    """Complete each row n times, `[B, n, *event]`; the k-th completion does not depend on n."""
    x = x.astype(model.head.dtype.as_numpy_dtype)
    seeds = noise.row_seeds(noise.as_seed(seed), n * len(x)).numpy().reshape(n, len(x), 2)
    return np.stack([in_parts(model.complete, x, observed, rows, context) for rows in seeds], axis=1)
