"""What other packages do with the same tables, in an environment of their own: no part of tfar is imported here.

    python outside.py GaussianCopula|CTGAN|TVAE TRAIN.csv OUT.csv                      a synthetic table, by SDV
    python outside.py iterative|neighbours|miceforest TRAIN.csv BLANKED.csv OUT.csv    the table completed
    python outside.py detect TRAIN.csv ROWS.csv OUT.csv                                scores of rows: the higher, the stranger

It needs `pip install "sdv>=2" pyod miceforest scikit-learn`. Defaults hold, except where a comment says why not. Words are one-hot encoded
and numbers standardised for scikit-learn and PyOD; `ordinal` scores have words as numbers instead.
"""

import os
import random
import sys
import warnings

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")


def read(path):
    """A table whose numbers are floats and whose words are objects; an empty cell and "?" are blank."""
    table = pd.read_csv(path, keep_default_na=False, na_values=["", "?"])
    return table.astype({name: object if of_words else float for name, of_words in is_words(table).items()})


def is_words(table):
    """By column, whether it holds words."""
    return {name: not pd.api.types.is_numeric_dtype(table[name]) for name in table}


class Encoding:
    """Tables as arrays `[N, E]` and back: numbers standardised, words one-hot, or their numbers in the order of the alphabet.

    One-hot words have a feature for each class but the last `dropped`, 0 or 1.
    """

    def __init__(self, train, one_hot=True, dropped=0):
        self.columns, self.one_hot, self.dropped = list(train), one_hot, dropped
        self.words = {name: sorted(train[name].dropna().unique()) for name, words in is_words(train).items() if words}
        numbers = train.drop(columns=list(self.words))
        self.mean, self.scale = numbers.mean(), numbers.std().replace(0, 1)

    def encode(self, table):
        parts = []
        for name in self.columns:
            if name not in self.words:
                parts.append(((table[name] - self.mean[name]) / self.scale[name]).to_numpy()[:, None])
                continue
            codes = pd.Categorical(table[name], self.words[name]).codes
            cells = (
                np.eye(len(self.words[name]))[codes][:, : len(self.words[name]) - self.dropped]
                if self.one_hot
                else codes[:, None].astype(float)
            )
            cells[codes < 0] = np.nan
            parts.append(cells)
        return np.concatenate(parts, axis=1)

    def decode(self, array):
        parts, first = {}, 0
        for name in self.columns:
            if name in self.words:
                size = len(self.words[name]) - self.dropped
                cells = array[:, first : first + size]
                cells = np.concatenate([cells, 1 - cells.sum(axis=1, keepdims=True)[:, : self.dropped]], axis=1)
                parts[name] = np.array(self.words[name], object)[cells.argmax(axis=1)]
            else:
                size = 1
                parts[name] = array[:, first] * self.scale[name] + self.mean[name]
            first += size
        return pd.DataFrame(parts)


def synthesize(method, train):
    import torch
    from sdv import single_table
    from sdv.metadata import Metadata

    torch.manual_seed(0)
    kinds = {name: {"sdtype": "categorical" if words else "numerical"} for name, words in is_words(train).items()}
    metadata = Metadata.load_from_dict({"tables": {"table": {"columns": kinds}}})
    synthesizer = getattr(single_table, f"{method}Synthesizer")(metadata)
    synthesizer.fit({"table": train.fillna("?")})
    return synthesizer.sample(len(train))["table"]


def impute(method, train, blanked):
    """The blanked rows, completed. Each method is fitted to the complete training rows; those that must see blanks also to these rows."""
    if method == "miceforest":
        return with_miceforest(train, blanked)
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer

    # With a feature for every class a blank one is 1 less its fellows, so that iterations would never leave their means.
    encoding = Encoding(train, dropped=int(method == "iterative"))
    known, cells = encoding.encode(train), encoding.encode(blanked)
    if method == "neighbours":
        return encoding.decode(KNNImputer().fit(known).transform(cells))
    # A feature without blanks in the rows of `fit` gets its mean in other rows.
    return encoding.decode(IterativeImputer(random_state=0).fit_transform(np.concatenate([known, cells]))[len(known) :])


def with_miceforest(train, blanked):
    import miceforest

    both = pd.concat([train, blanked], ignore_index=True)
    both = both.astype({name: "category" for name, words in is_words(both).items() if words})
    # No candidates: the prediction itself, rather than the value of a row whose prediction is near.
    kernel = miceforest.ImputationKernel(both, num_datasets=1, mean_match_candidates=0, random_state=0)
    kernel.mice(3)
    return kernel.complete_data(0)[len(train) :]


def detect(train, rows):
    from pyod.models.ecod import ECOD
    from sklearn.ensemble import IsolationForest

    train, rows, scores = train.fillna("?"), rows.fillna("?"), {}
    for kind, one_hot in (("one-hot", True), ("ordinal", False)):
        encoding = Encoding(train, one_hot)
        known, cells = encoding.encode(train), encoding.encode(rows)
        cells = np.where(np.isnan(cells), 0.0, cells)  # words that no training row has
        scores[f"IsolationForest, {kind}"] = -IsolationForest(random_state=0).fit(known).score_samples(cells)
        scores[f"ECOD, {kind}"] = ECOD().fit(known).decision_function(cells)
    return pd.DataFrame(scores)


def main():
    task, *sources, out = sys.argv[1:]
    random.seed(0)
    np.random.seed(0)
    tables = [read(path) for path in sources]
    if task == "detect":
        table = detect(*tables)
    elif len(tables) == 1:
        table = synthesize(task, *tables)
    else:
        table = impute(task, *tables)
    table.to_csv(out + ".tmp", index=False)
    os.replace(out + ".tmp", out)


if __name__ == "__main__":
    main()
