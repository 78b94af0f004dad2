"""Faults put into the source, one at a time, each of which the tests closest to it must find.

The faults are those of cosmic-ray's operators (`pip install cosmic-ray`): other numbers, comparisons and arithmetic, `not`, loops that do
not run, decorators that are gone. A mutant is tried in a fork of this process, which has imported TensorFlow and executed nothing of it;
there the module is read with the fault in it, and no file changes. Of all mutants those are tried that a shuffle of seed 0 puts first. One
whose module cannot be imported, such as one of an annotation, does not count.
"""

import collections
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import sys
import time
from pathlib import Path

from reliability import kills, record

SECONDS = 60  # of processor time, after which a mutant hangs, and counts as found
STEPPING = ["tests/test_contract.py::test_stepping_gives_the_same_parameters", "-k"]
TESTS = {
    "tfar/masks.py": ["tests/test_masks.py", "tfar/masks.py"],
    "tfar/noise.py": ["tests/test_noise.py", "tfar/noise.py"],
    "tfar/heads/base.py": ["tfar/heads/base.py", "tests/heads/test_heads.py", "tests/heads/test_continuous.py"],
    "tfar/heads/discrete.py": ["tfar/heads/discrete.py", "tests/heads/test_heads.py"],
    "tfar/heads/continuous.py": ["tfar/heads/continuous.py", "tests/heads/test_continuous.py", "tests/heads/test_heads.py"],
    "tfar/heads/mixtures.py": [
        "tfar/heads/mixtures.py",
        "tests/heads/test_discretized_logistic_mixture.py",
        "tests/heads/test_continuous.py",
        "tests/heads/test_heads.py",
    ],
    "tfar/heads/columns.py": ["tfar/heads/columns.py", "tests/heads/test_category_column.py", "tests/heads/test_column_base.py"],
    "tfar/heads/warp.py": ["tfar/heads/warp.py", "tests/heads/test_warp.py", "tests/heads/test_real_column.py"],
    **{
        f"tfar/heads/{name}.py": [f"tfar/heads/{name}.py", f"tests/heads/test_{name}.py", "tests/heads/test_column_base.py"]
        for name in ("category_column", "column_base", "grid_column", "real_column", "recorded")
    },
    "tfar/distributions/sampling.py": [
        "tfar/distributions/sampling.py",
        "tests/distributions/test_fixed_point.py",
        "tests/test_properties.py",
        *("-m", "slow or not slow", "-k", "sampling or chain or one_of_each_loop"),
    ],
    "tfar/networks/made.py": ["tests/networks/test_made.py", "tfar/networks/made.py"],
    "tfar/networks/masked_stepping.py": [
        "tfar/networks/masked_stepping.py",
        *STEPPING,
        "made-deep or made-window or made-categorical or logistic-context or Groups",
    ],
    "tfar/networks/images/stepping.py": ["tfar/networks/images/stepping.py", *STEPPING, "gated-pixelcnn or row-lstm or stepping.py"],
}
OPERATORS = (  # one or two for each kind: all 213 would mostly give faults that no program survives
    *("NumberReplacer", "AddNot", "ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "ReplaceAndWithOr", "ReplaceOrWithAnd"),
    *("ZeroIterationForLoop", "RemoveDecorator", "ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Not"),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Add", "Div_Mul", "FloorDiv_Mul", "Mod_FloorDiv", "Pow_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("BitAnd_BitXor", "BitXor_BitAnd", "LShift_RShift", "RShift_LShift")),
    *(
        f"ReplaceComparisonOperator_{pair}"
        for pair in ("Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt", "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is")
    ),
)
BY_HAND = (  # faults that earlier tests did not find
    ("tfar/distributions/sampling.py", "changed & (count <= size)", "changed & (count <= size // 2)"),
    ("tfar/masks.py", "    positions[0] = 0\n", ""),
    ("tfar/networks/made.py", "[self.seed, member, layer]", "[self.seed, member, 0]"),
    ("tfar/networks/made.py", "[self.seed, member, layer]", "[self.seed, 0, layer]"),
)
IN_PLACE = ("tfar/masks.py", "tfar/noise.py", "tfar/distributions/sampling.py")  # used by the names of their modules alone
EACH = 10  # mutants of a file before those of a file come a second time


def run(count, folder):
    """Go on with the mutants until `count` are recorded."""
    sys.path.insert(0, str(record.ROOT))
    preload()
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    folder.mkdir(parents=True, exist_ok=True)
    tried = record.read().get("mutants", {}).get("tried", [])
    done = {(one["file"], one["operator"], one["occurrence"]) for one in tried}
    checked = set()
    for mutant in (mutants := shuffled()):
        counted = sum(one["outcome"] != "import" for one in tried)
        if counted >= count:
            break
        if mutant in done:
            continue
        if mutant[0] not in checked:
            outcome = outcome_of(mutant[0], (record.ROOT / mutant[0]).read_text(encoding="utf-8"), folder)
            assert outcome == "survived", f"the tests of {mutant[0]} must pass without a fault. Received: {outcome}"
            checked.add(mutant[0])
        began = time.monotonic()
        found = tried_of(mutant, folder)
        if found is not None:
            tried.append({**found, "seconds": round(time.monotonic() - began, 1)})
            record.update("mutants", {"of": len(mutants), "tried": tried})
            print(counted, tried[-1], flush=True)


def preload():
    """Import what all tests need; no operation runs, since TensorFlow's threads would not be in a fork."""
    for name in ("tensorflow", "keras", "tensorflow_probability", "tfar.models", "tfar.training", "pandas", "pytest", "h5py"):
        importlib.import_module(name)


def shuffled():
    """All mutants as (file, operator, occurrence), `EACH` of each file in turn."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator

    by_file = collections.defaultdict(list)
    for file in TESTS:
        nodes = list(ast_nodes(get_ast((record.ROOT / file).read_text(encoding="utf-8"))))
        for name in (f"core/{operator}" for operator in OPERATORS):
            operator = get_operator(name)()
            places = sum(len(list(operator.mutation_positions(node))) for node in nodes)
            by_file[file] += [(file, name, occurrence) for occurrence in range(places)]
        random.Random(0).shuffle(by_file[file])
    rounds = max(map(len, by_file.values())) // EACH + 1
    first = [(file, "by hand", number) for number, (file, *_) in enumerate(BY_HAND)]
    return first + [mutant for turn in range(rounds) for mutants in by_file.values() for mutant in mutants[turn * EACH : (turn + 1) * EACH]]


def tried_of(mutant, folder):
    """What became of a mutant: where it is, its line before and after, and whether it was found; None where nothing changes."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    file, name, occurrence = mutant
    source = (record.ROOT / file).read_text(encoding="utf-8")
    if name == "by hand":
        assert BY_HAND[occurrence][1] in source, BY_HAND[occurrence]
        code = source.replace(*BY_HAND[occurrence][1:])
    else:
        code = mutate_code(source, get_operator(name)(), occurrence)
    if code is None or code == source:
        return None
    pairs = zip(source.splitlines(), code.splitlines(), strict=False)
    line, (before, after) = next((n, pair) for n, pair in enumerate(pairs, 1) if pair[0] != pair[1])
    shown = {"file": file, "line": line, "before": before.strip(), "after": after.strip(), "operator": name, "occurrence": occurrence}
    return {**shown, "outcome": outcome_of(file, code, folder)}


def outcome_of(file, code, folder):
    """ "found", "survived", "hangs", or "import" where the module cannot be imported."""
    process = os.fork()
    if not process:
        end = 70
        try:
            log = os.open(folder / "mutant.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
            os.dup2(log, 1)
            os.dup2(log, 2)
            end = in_fork(file, code)
        finally:
            os._exit(end)
    return {0: "survived", 71: "import", None: "hangs"}.get(kills.ended(process, SECONDS), "found")


def in_fork(file, code):
    """Run the tests of a file with other code in its place; return the exit code of pytest, or 71."""
    import pytest

    os.chdir(record.ROOT)
    name = file.removesuffix(".py").replace("/", ".")
    try:
        if file in IN_PLACE:
            module = sys.modules[name]
            exec(compile(code, str(module.__file__), "exec"), module.__dict__)
        else:
            for loaded in [loaded for loaded in sys.modules if loaded == "tfar" or loaded.startswith("tfar.")]:
                del sys.modules[loaded]
            sys.meta_path.insert(0, Finder(name, code))
            importlib.import_module(name)
    except BaseException:
        return 71
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--noconftest", *TESTS[file]]))


class Finder(importlib.abc.MetaPathFinder):
    """Finds one module, with code of its own."""

    def __init__(self, name, code):
        self.name, self.code = name, code

    def find_spec(self, fullname, path, target=None):
        if fullname != self.name:
            return None
        file = record.ROOT / Path(*fullname.split(".")).with_suffix(".py")
        return importlib.util.spec_from_file_location(fullname, file, loader=Loader(fullname, str(file), self.code))


class Loader(importlib.machinery.SourceFileLoader):
    """Reads a module from a text rather than from its file, past the cache of bytecode."""

    def __init__(self, name, path, code):
        super().__init__(name, path)
        self.code = code

    def get_data(self, path):
        return self.code.encode()

    def path_stats(self, path):
        raise OSError
