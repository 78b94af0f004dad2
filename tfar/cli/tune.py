"""`tfar tune`: a search for the settings with which a family models the validation rows best."""

import contextlib
import importlib.util
import shlex
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfar import config
from tfar.cli.arguments import Parser, check_at_least_one, values_of
from tfar.cli.choosing import as_options
from tfar.cli.quiet import import_tensorflow
from tfar.cli.search_space import Setting, space
from tfar.cli.train import Job, add_arguments, add_families, make_job
from tfar.files import locked, refuse_existing, remove_temporaries, write_json

if TYPE_CHECKING:
    from optuna import Study, Trial

DESCRIPTION = """\
Search for settings: train models with other ones, each until its validation NLL gets no better, and keep the settings of the best. The test
rows are not scored. The options are those of 'tfar train' and hold for every trial; those of devices and of what follows a training are for
the command that is printed at the end. The same command resumes a search; more --trials extend it."""
MISSING = "tuning needs optuna: pip install 'tfar[tune]'"
JOURNAL, TRIALS = "journal.log", "trials.json"  # in the folder: the state of the search, and its trials for people to read
OWN = ("--trials", "--timeout", "--options", "--out", "--quiet")  # options that the command of the best settings has not
WARM_UP = 4  # trials that are not stopped early


def add_parser(commands: Any) -> None:
    """Add the subcommand, with one of its own for each family."""
    parser = commands.add_parser("tune", help="search for the settings of a model", description=DESCRIPTION)
    add_families(parser, DESCRIPTION, "tfar tune {name} --data NAME_OR_FILE --out DIR [--trials N] [options]", _add_arguments)


def _add_arguments(family: type[config.Family], parser: Parser) -> None:
    """Add the arguments of `tfar tune FAMILY`: those of the search, and those of `tfar train FAMILY`."""
    search = parser.add_argument_group("search")
    search.add_argument("--trials", type=int, default=20, metavar="N", help="number of trainings, earlier ones counted (default: 20)")
    search.add_argument("--timeout", type=float, metavar="S", help="begin no training after S seconds (default: no limit)")
    help = "settings to search (default: units, dropout, learning rate and shrinkage, but for those that the command gives)"
    search.add_argument("--options", nargs="+", metavar="NAME", help=help)
    add_arguments(family, parser)
    parser.set_defaults(run=run)


def run(args: Any) -> None:
    """Search for settings, and print the command that trains with the best."""
    check_at_least_one(args, "--trials")
    if args.timeout is not None and not args.timeout > 0:
        raise ValueError(f"--timeout must be a positive number of seconds. Received: --timeout {args.timeout:g}")
    if args.init_from is not None:
        raise ValueError(f"a search makes new models. Received: --init-from {args.init_from}")
    if importlib.util.find_spec("optuna") is None:
        raise ImportError(MISSING)
    out = refuse_existing(args.out, overwrite=True)
    if out.exists() and not (out / JOURNAL).is_file():
        raise FileExistsError(f"the output must be new, or the folder of a search. Received: {out}")
    job = make_job(args, out)
    searched = space(job.args)
    import_tensorflow()
    with locked(out):
        out.mkdir(parents=True, exist_ok=True)
        remove_temporaries(out)
        search = Search(job, searched, out)
        try:
            search.run(args.trials, args.timeout)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{out} is kept; the same command, given again, goes on from it") from None
        finally:
            search.report()


class Search:
    """The trials of a command, and its state in a folder.

    Args:
        job: of `tfar train`, with the settings of the first trial.
        searched: the settings that differ between trials.
        folder: holds the state.

    Raises:
        ValueError: the folder holds the search of another command.
    """

    def __init__(self, job: Job, searched: list[Setting], folder: Path):
        self.job, self.searched, self.folder, self.args = job, searched, folder, job.args
        self.study = _study(folder, job.args.seed)
        command = shlex.join(["tfar", "tune", self.args.model, *_kept_words(self.args, OWN)])
        mine = {"command": command, "options": [one.name for one in searched], "checksums": job.data.to_config()["checksums"]}
        kept = self.study.user_attrs.get("search", mine)
        if differing := [f"{name} {kept[name]} for {mine[name]}" for name in mine if kept[name] != mine[name]]:
            raise ValueError(f"the folder must be that of the same search. Received: {folder}, with {'; '.join(differing)}")
        self.study.set_user_attr("search", mine)

    def run(self, trials: int, timeout: float | None) -> None:
        """Train until there are so many trials, or so many seconds have passed."""
        from optuna.trial import TrialState

        began = time.monotonic()
        if not self.study.trials:
            self.study.enqueue_trial({one.name: one.start for one in self.searched})
        for trial in self.study.get_trials(states=[TrialState.RUNNING]):  # of a command that was interrupted
            self.study.tell(trial.number, state=TrialState.FAIL)
            self.study.enqueue_trial(trial.params)
        while (number := len(self.ended())) < trials and (timeout is None or time.monotonic() - began < timeout):
            trial = self.study.ask({one.name: one.distribution() for one in self.searched})
            self._try(trial, f"trial {number + 1} of {trials}")

    def ended(self) -> list[Any]:
        """The trials that were not interrupted, in their order."""
        return [trial for trial in self.study.trials if "seconds" in trial.user_attrs]

    def _try(self, trial: "Trial", title: str) -> None:
        """Train with the settings that a trial proposes, and record how it went."""
        from optuna.trial import TrialState

        values = {one.name: one.value(trial.params[one.name]) for one in self.searched}
        trial.set_user_attr("settings", values)
        stop, began, nll = _stopping(trial), time.monotonic(), None
        try:
            nll, best_epoch = self._validation_nll(values, stop)
            trial.set_user_attr("best_epoch", best_epoch)
        except ValueError as error:
            if not self.ended():  # what fails with the automatic settings fails with others
                raise
            trial.set_user_attr("error", str(error))
        trial.set_user_attr("validation_nll", nll)
        trial.set_user_attr("seconds", round(time.monotonic() - began, 1))
        state = TrialState.FAIL if nll is None else TrialState.PRUNED if stop.stopped else TrialState.COMPLETE
        self.study.tell(trial, nll if state == TrialState.COMPLETE else None, state=state)
        self._write()
        if not self.args.quiet:
            how = "failed" if nll is None else f"validation NLL {nll:.4f}{' (stopped early)' if stop.stopped else ''}"
            print(f"{title}: {how}, {trial.user_attrs['seconds']:.0f} s: {self._options(values)}", flush=True)

    def _validation_nll(self, values: dict[str, Any], stop: Any) -> tuple[float, int]:
        """The least validation NLL of a training, nats, and its epoch."""
        import keras

        from tfar import training

        job = self.job
        job.args = Namespace(**{**vars(self.args), **values})
        job.settings = type(job.settings)(**values_of(job.args, type(job.settings)))
        keras.backend.clear_session()  # the model of the trial before
        fit = training.fit(job.build(), job.data.train, job.data.validation, job.settings, callbacks=[stop])
        if fit.interrupted:
            raise KeyboardInterrupt
        return fit.history["val_nll"][fit.best_epoch - 1], fit.best_epoch

    def best(self) -> Any:
        """The trial with the least validation NLL; None before the first has ended."""
        with contextlib.suppress(ValueError):
            return self.study.best_trial
        return None

    def report(self) -> None:
        """Print the best trial, and the command that trains with its settings."""
        best = self.best()
        if best is None:
            return
        first, words = self.ended()[0], _kept_words(self.args, (*OWN, *(one.flag for one in self.searched)))
        number = [trial.number for trial in self.ended()].index(best.number) + 1
        figures = f"validation NLL {best.value:.4f} of trial {number}"
        print(f"best of {len(self.ended())}: {figures}, {first.user_attrs['validation_nll']:.4f} of the first; {self.folder / TRIALS}")
        command = shlex.join(["tfar", "train", self.args.model, *words, "--out", "RUN"])
        print(f"{command} {self._options(best.user_attrs['settings'])}")

    def _options(self, values: dict[str, Any]) -> str:
        """Settings of a trial as options."""
        return as_options({one.flag.removeprefix("--"): values[one.name] for one in self.searched})

    def _write(self) -> None:
        """Write the trials as JSON."""
        rows = [{"trial": n, "state": trial.state.name.lower(), **trial.user_attrs} for n, trial in enumerate(self.ended(), 1)]
        best = self.best()
        content = {**self.study.user_attrs["search"], "best": best and best.user_attrs["settings"], "trials": rows}
        write_json(self.folder / TRIALS, content, overwrite=True)


def _study(folder: Path, seed: int) -> "Study":
    """The study whose state is in a folder."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(folder / JOURNAL))), study_name="tfar", direction="minimize", load_if_exists=True
    )
    study.sampler = optuna.samplers.TPESampler(seed=(seed + len(study.trials)) % 2**32)  # a search that is resumed does not begin anew
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=WARM_UP, n_warmup_steps=WARM_UP)
    return study


def _stopping(trial: "Trial") -> Any:
    """A Keras callback that stops a training whose validation NLL is above the median of earlier trials in the same epoch."""
    import keras

    class Stopping(keras.callbacks.Callback):
        stopped = False

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            trial.report(float((logs or {})["val_nll"]), epoch)
            if trial.should_prune():
                model: Any = self.model
                self.stopped = model.stop_training = True

    return Stopping()


def _kept_words(args: Any, dropped: tuple[str, ...]) -> list[str]:
    """The words of a command after the family, without some options and their values."""
    words, kept, keeps = shlex.split(args.command_line), [], True
    flags = {*dropped, *(flag.replace("--", "--no-", 1) for flag in dropped)}
    for word in words[words.index(args.model) + 1 :]:
        keeps = word.partition("=")[0] not in flags if word.startswith("--") else keeps
        kept += [word] if keeps else []
    return kept
