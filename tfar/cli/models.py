"""`tfar models`: the trained models of a folder, a line each."""

from pathlib import Path
from typing import Any

from tfar.cli.arguments import shared_parser
from tfar.cli.runs import DATA, METRICS
from tfar.reading import read_json

SHIPPED = "saved_models"


def add_parser(commands: Any) -> None:
    """Add the subcommand."""
    description = "List the trained models of a folder, with their NLL on the test split."
    parser = commands.add_parser("models", parents=[shared_parser()], help="list trained models", description=description)
    parser.set_defaults(run=run)
    parser.add_argument("folder", metavar="DIR", nargs="?", default=SHIPPED, help=f"folder of run folders (default: {SHIPPED})")


def run(args: Any) -> None:
    """Print a line for each run folder: its name, family, data, and test NLL with its standard error."""
    folder = Path(args.folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"a folder of run folders is needed. Received: {folder}")
    rows = [_described(path.parent) for path in sorted(folder.glob(f"*/{DATA}"))]
    if not rows:
        raise FileNotFoundError(f"a folder of run folders is needed, each with {DATA}. Received: {folder}, without any")
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _described(folder: Path) -> list[str]:
    """The cells of a run folder's line."""
    name = read_json(folder / DATA, {"name": str})["name"]
    path = folder / METRICS
    if not path.is_file():
        return [folder.name, "", name, "not measured"]
    metrics = read_json(path, {"model": str, "test": dict})
    return [folder.name, metrics["model"], name, _figure(metrics["test"])]


def _figure(test: dict[str, Any]) -> str:
    """The NLL of a test split in words."""
    unit = "nats per character" if "characters" in test else "nats"
    if test["nll"] is None:
        return f"not finite {unit}"
    error = "" if test["nll_error"] is None else f" +- {test['nll_error']:.3f}"
    return f"{test['nll']:.3f}{error} {unit}"
