"""Runs of text: what the commands do with them."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfar import datasets, serving
from tfar.cli import conditions, outputs
from tfar.cli.runs import Run
from tfar.files import refuse_existing, write_text
from tfar.training.baselines import baseline_nll
from tfar.training.sequences import means_of_stretches, stretches, summary_of_stretches

SCORED_LINES = 1000  # at once
STORED_ROWS, STORED_LENGTH = 64, 128  # strings that are stored with an exported model, and characters in each


class TextRun(Run):
    """A run whose model is a `tfar.CharacterModel`."""

    kind = "text"  # in data.json
    kind_in_words = conditions.TEXTS
    unit, nats, bits = "characters", "nats per character", "bits_per_character"
    baseline = "The frequencies of the training characters"

    def check(self) -> None:
        super().check()
        if self.description["vocabulary"] != self.model.vocabulary.to_config():
            raise ValueError("its vocabulary is not that of the model")
        if not isinstance(self.description["splits"], list):
            raise ValueError(f"splits is {self.description['splits']!r}")

    def _read(self, data_dir: str | None, download: bool | None) -> datasets.TextData:
        kept, vocabulary = self.description, self.model.vocabulary
        place, stream = data_dir or datasets.stored_dir(kept), bool(kept.get("stream"))
        found = datasets.load_text(kept["source"], place, vocabulary, kept["splits"], download=download, stream=stream)
        checksums = found.to_config()["checksums"]
        if checksums != kept["checksums"]:
            raise ValueError(f"the text is not that which the model was trained on: {kept['source']} has changed. Received: {checksums}")
        return found

    def check_ensemble(self, others: Sequence[Run]) -> None:
        raise ValueError(f"--ensemble is for models of rows. Received: {self.folder}, a model of text")

    def evaluated(self, args: Any) -> tuple[str, np.ndarray]:
        self.refuse(args, "arrays", "rows", "num_orders", "batch_size", "seed")
        self.refuse(args, "rows; 'tfar score' scores the lines of a text", "out")
        if args.data is None:
            data = self.load_data(args.data_dir)
            return f"{data.name}, {args.split or 'test'}", data.splits[args.split or "test"]
        if args.split is not None:
            raise ValueError(f"--split is one of the model's own data; others are taken whole. Received: {args.split!r} and {args.data}")
        vocabulary = self.model.vocabulary
        binary = vocabulary.kind == "bytes"
        name, text = datasets.read_text(args.data, args.data_dir, binary=binary)
        return name, vocabulary.encode(text if binary else text.decode("utf-8"), vocabulary.dtype)

    def log_prob(self, rows: np.ndarray, args: Any) -> np.ndarray:
        return stretches(self.model, rows, **({} if args.streams is None else {"streams": args.streams}))

    def scores(self, log_prob: np.ndarray, rows: np.ndarray) -> dict[str, Any]:
        return summary_of_stretches(log_prob, len(rows))

    def per_unit(self, log_prob: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return means_of_stretches(log_prob, len(rows))

    def baselines(self, rows: np.ndarray, args: Any) -> dict[str, Any]:
        if args.data is not None:
            return {"baseline_nll": None}
        return {"baseline_nll": baseline_nll(self.model.head, self.load_data(args.data_dir).train[:, None], rows[:, None])}

    def report(self, title: str, scores: dict[str, Any], known: dict[str, Any]) -> str:
        error = "" if math.isnan(scores["nll_error"]) else f" +- {scores['nll_error']:.4f} (standard error)"
        lines = [
            f"{title}: {scores['characters']:,} characters",
            f"  NLL       {scores['nll']:8.4f}{error} nats per character, {scores['bits_per_character']:.4f} bits",
        ]
        if known["baseline_nll"] is not None:
            lines.append(f"  baseline  {known['baseline_nll']:8.4f} nats, frequencies of the characters")
        return "\n".join(lines)

    def sample(self, args: Any) -> None:
        """Write texts: to a file, or to the terminal as they come."""
        temperature = 1.0 if args.temperature is None else args.temperature
        options = {"length": args.length, "prompt": args.prompt or "", "temperature": temperature, "top_k": args.top_k}
        count = 1 if args.n is None else args.n
        if args.out is None and count == 1:
            self._write(args.seed, options)
            return
        path = None if args.out is None else refuse_existing(args.out, args.overwrite)
        text = f"\n{'-' * 80}\n".join(self.model.sample(count, args.seed, **options))
        if path is None:
            print(text)
            return
        write_text(path, text + "\n", args.overwrite)
        print(path)

    def _write(self, seed: int, options: dict[str, Any]) -> None:
        """Print one text as it comes."""
        pieces = self.model.write(seed=seed, **options)
        first = next(pieces)  # what cannot be written is refused before anything is
        # a byte that is not UTF-8 reaches Python's command line as a lone surrogate
        print(options["prompt"].encode("utf-8", "surrogateescape").decode("utf-8", "replace"), end=first, flush=True)
        for piece in pieces:
            print(piece, end="", flush=True)
        print()

    def score(self, args: Any) -> None:
        """Write the nats of every line that is not empty, its end included, each as a text of its own."""
        self.refuse(args, "arrays", "columns")
        path = outputs.score_path(self, args)
        if args.data is None:
            codes = self.load_data(args.data_dir).splits[args.split or "test"]
            text = self.model.vocabulary.decode(codes)
        else:
            text = datasets.read_text(args.data, args.data_dir, binary=False)[1].decode("utf-8")
        lines = [line for line in text.splitlines(keepends=True) if line.strip()]
        if not lines:
            raise ValueError(f"a text must have lines to score. Received: {args.data or self.folder}")
        parts = [self.model.log_prob(lines[first : first + SCORED_LINES]).numpy() for first in range(0, len(lines), SCORED_LINES)]
        outputs.write_scores(path, np.concatenate(parts), None, args)

    def complete(self, args: Any) -> None:
        raise ValueError(f"a text is continued by 'tfar sample DIR --prompt TEXT'. Received: {self.folder}, a model of text")

    def test_rows(self, data_dir: str | None = None) -> dict[str, Any]:
        test = self.load_data(data_dir, download=False).test  # a few strings are not worth a download
        return serving.scored_text(self.model, np.asarray(test), STORED_ROWS, STORED_LENGTH)

    @property
    def values(self) -> str:
        return "text"

    def described_values(self, version: Path) -> list[str]:
        vocabulary = self.model.vocabulary
        if vocabulary.kind == "bytes":
            strings = "Strings are any bytes; `characters` and `length` count them."
        else:
            other = "no others" if vocabulary.unknown is None else "any other as U+FFFD"
            shown = f"    {vocabulary.symbols!r}"
            strings = f"Strings are UTF-8, of these {len(vocabulary)} characters, as Python writes them, and {other}:\n\n{shown}"
        return [
            strings,
            "`text` begins with its `prompt`, which may be empty, and goes on for `length` characters. `temperature` is above 0: "
            "1 draws from the density that `log_prob` scores, less draws likelier texts.",
        ]
