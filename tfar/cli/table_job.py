"""The training of a table with a head for each column from the command line."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfar import config
from tfar.cli.arguments import given_values, values_of
from tfar.cli.rows_job import RowsJob

if TYPE_CHECKING:
    from tfar.cli.starting import Start

DRAWN = 2000  # rows of the test split, and synthetic rows, in the report
PICTURE = "report.png"


class TableJob(RowsJob):
    """`tfar train` on a table whose columns have kinds of their own."""

    def __init__(self, args: Any, out: Path, settings: config.Training, data: Any, start: "Start | None" = None):
        super().__init__(args, out, settings, data, start)
        if args.pictures_every:
            raise ValueError(
                "--pictures-every is for arrays and images; the report of a table with a head for each column is drawn at the end. "
                f"Received: --pictures-every {args.pictures_every}"
            )

    def build(self) -> Any:
        import keras

        from tfar.models import TableModel

        args = self.args
        keras.utils.set_random_seed(args.seed % 2**32)
        if self.start is not None:
            return self.start.model()
        options = values_of(args, config.FAMILIES[args.model])
        if args.condition_on:
            if "order" in given_values(args, config.FAMILIES[args.model]):
                raise ValueError(f"--condition-on sets the order. Received: --condition-on {args.condition_on[0]} and --order {args.order}")
            options.pop("order", None)
        return TableModel(
            self.data.schema,
            args.model,
            condition_on=args.condition_on,
            num_components=args.num_components,
            seed=args.seed,
            **options,
        )

    def measure(self, run: Any, fit: Any) -> dict[str, Any]:
        """The content of metrics.json; NLLs in nats and bits per row, in the columns' own units."""
        from tfar.cli.runs import record
        from tfar.cli.tables import independent_columns

        data, args, model = self.data, self.args, run.model
        known = data.train.joined(data.validation) if args.refit and not fit.interrupted else data.splits["train"]
        test = data.test.take(slice(args.score_rows))
        return {
            "model": args.model,
            "data": data.name,
            **{name: self.score(model, name) for name in data.splits},
            "baseline_nll": independent_columns(model.head, known.x, test.x, data.log_shares["test"].iloc[: args.score_rows]),
            **record(model, fit, args),
            **self.before_refit,
        }

    def score(self, model: Any, name: str) -> dict[str, Any]:
        from tfar import training
        from tfar.cli.tables import row_scores

        rows = slice(self.args.score_rows)
        encoded = training.log_probs(model, self.data.splits[name].take(rows), self.args.batch_size)
        return row_scores(encoded + self.data.log_shares[name].iloc[rows].sum(axis=1).to_numpy())

    def draw(self, run: Any, fit: Any, metrics: dict[str, Any]) -> None:
        """Draw the learning curve, and the report: marginals and associations of test rows and of as many synthetic ones."""
        from tfar import plotting
        from tfar.cli.tables import write_report

        if not plotting.available():
            return
        if fit.epochs:
            curve = plotting.learning_curve(fit.history, metrics["baseline_nll"])
            plotting.save(curve, run.folder / "curve.png", overwrite=True, title=f"{run.title}: learning curve")
        schema, test = self.data.schema, self.data.test.x[:DRAWN]
        real, synthetic = schema.decode(test), run.model.sample(max(len(test), min(DRAWN, 500)), self.args.seed)
        write_report(run.folder / PICTURE, f"{run.title}: test rows and samples", schema, real, synthetic, overwrite=True)
