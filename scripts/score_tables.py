"""Score synthetic tables against real ones, and print one JSON object.

    python score_tables.py --train TRAIN.csv --test TEST.csv --target "income=>50K" SYNTHETIC.csv [...]

It needs pandas below 3, scikit-learn and sdmetrics 0.32, in an environment of its own: `scripts/benchmark_tables.py` says how.

    shapes, trends   100 (1 - score) of sdmetrics' QualityReport, percent, against the training rows: 0 is best
    auc              boosted trees trained on the table to tell the target, tested on the real test rows: higher is better
    detection        AUC of boosted trees that tell the table's rows from test rows, in three folds: 0.5 is best
    copies           share of rows that stand in the training rows, percent; what the test rows have of them is the natural rate
"""

import argparse
import json
import warnings

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

warnings.filterwarnings("ignore")


def read(path):
    """A table whose words are stripped strings; a blank is the word "?", as in the original files."""
    table = pd.read_csv(path, skipinitialspace=True, keep_default_na=False)
    for name in table:
        if table[name].dtype == object:
            numbers = pd.to_numeric(table[name], errors="coerce")
            table[name] = numbers if numbers.notna().all() else table[name].map(lambda cell: str(cell).strip() or "?")
    return table


class Protocol:
    def __init__(self, train, test, target):
        self.train, self.test = train, test
        self.target, self.positive = target.split("=", 1)
        self.words = [name for name in train if train[name].dtype == object]
        self.classes = {name: sorted(set(train[name]) | set(test[name])) for name in self.words}
        self.known = set(map(tuple, train.astype(str).to_numpy()))

    def encoded(self, table, names):
        """Columns as numbers for the trees, NaN for classes that no real row has; and which of them are classes."""
        columns = {n: pd.Categorical(table[n], self.classes[n]).codes if n in self.words else table[n] for n in names}
        return pd.DataFrame(columns).astype(float).replace(-1, np.nan), [n in self.words for n in names]

    def trees(self, classes, iterations, **options):
        return HistGradientBoostingClassifier(random_state=0, max_iter=iterations, categorical_features=classes, **options)

    def auc(self, table):
        names = [name for name in self.train if name != self.target]
        x, classes = self.encoded(table, names)
        model = self.trees(classes, 200, early_stopping=True).fit(x, table[self.target] == self.positive)
        return roc_auc_score(self.test[self.target] == self.positive, model.predict_proba(self.encoded(self.test, names)[0])[:, 1])

    def detection(self, table):
        random, count = np.random.RandomState(0), min(len(table), len(self.test))
        drawn = [one.iloc[random.permutation(len(one))[:count]] for one in (self.test, table)]
        x, classes = self.encoded(pd.concat(drawn), list(self.train))
        real = np.repeat([0, 1], count)
        return roc_auc_score(real, cross_val_predict(self.trees(classes, 100), x, real, cv=3, method="predict_proba")[:, 1])

    def quality(self, table):
        from sdmetrics.reports.single_table import QualityReport

        kinds = {name: {"sdtype": "categorical" if name in self.words else "numerical"} for name in self.train}
        report = QualityReport()
        report.generate(self.train, table, {"columns": kinds}, verbose=False)
        scores = report.get_properties().set_index("Property")["Score"]
        return 100 * (1 - scores["Column Shapes"]), 100 * (1 - scores["Column Pair Trends"])

    def scores(self, table):
        table = table[list(self.train)].copy()
        for name in set(self.train) - set(self.words):
            table[name] = pd.to_numeric(table[name], errors="coerce")
        shapes, trends = self.quality(table)
        copies = 100 * np.mean([row in self.known for row in map(tuple, table.astype(str).to_numpy())])
        return {
            "rows": len(table),
            "shapes": round(shapes, 3),
            "trends": round(trends, 3),
            "auc": round(self.auc(table), 4),
            "detection": round(self.detection(table), 4),
            "copies": round(copies, 3),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--target", required=True, help="COLUMN=VALUE of the class to tell")
    parser.add_argument("tables", nargs="*")
    args = parser.parse_args()
    train = read(args.train)
    protocol = Protocol(train, read(args.test), args.target)
    random = np.random.RandomState(1)
    independent = pd.DataFrame({name: train[name].to_numpy()[random.permutation(len(train))] for name in train})
    found = {"real training rows": protocol.scores(train), "independent columns": protocol.scores(independent)}
    print(json.dumps(found | {path: protocol.scores(read(path)) for path in args.tables}))


if __name__ == "__main__":
    main()
