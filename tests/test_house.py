"""The structure of the package, read from its source: imports point one way, functions are short, what is public is annotated."""

import ast
import graphlib
from collections import defaultdict

import pytest
from support import ROOT

# From the ground up: a wing imports what stands above it in this list, and nothing of its own line.
WINGS = [
    ("columns", "files", "noise", "reading", "suggesting", "validation"),
    ("orders",),
    ("masks",),
    ("config", "layers"),
    ("automatic", "datasets", "heads", "plotting"),
    ("networks",),
    ("distributions", "testing"),
    ("serving",),
    ("models",),
    ("training",),
    ("beam", "cli"),
]
MOST_LINES, MOST_PARAMETERS, LONGEST_FILE = 60, 10, 500
GENERATED = "tfar.models.families"  # by scripts/generate_constructors.py
WITH_SETTINGS = ("tfar.networks", "tfar.layers", "tfar.distributions")  # whose `__init__` has one parameter for each setting

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "tfar").rglob("*.py"))}


def running(tree):
    """All nodes but those below `if TYPE_CHECKING`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        yield node
        yield from running(node)


def imports(tree):
    """The modules of tfar that a module imports, at its top or inside a function."""
    found = set()
    for node in running(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            found |= {name if (name := f"{node.module}.{alias.name}") in MODULES else node.module for alias in node.names}
    return found & set(MODULES)


def wing(module):
    return module.split(".")[1] if "." in module else module


def functions():
    """Module, class or None, and function, for every function and method; not those inside a function."""
    for name, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, FUNCTION):
                yield name, None, node
            elif isinstance(node, ast.ClassDef):
                yield from ((name, node, method) for method in node.body if isinstance(method, FUNCTION))


def arguments(function, of_class):
    """All parameters but `self` or `cls`."""
    given = function.args
    found = [*given.posonlyargs, *given.args, *given.kwonlyargs, *(extra for extra in (given.vararg, given.kwarg) if extra)]
    static = any(ast.unparse(decorator) == "staticmethod" for decorator in function.decorator_list)
    return found[1:] if of_class and not static else found


def shown(module, of_class, function):
    return ".".join([module, *([of_class.name] if of_class else []), function.name])


def test_every_module_is_in_a_wing():
    assert MODULES.keys() >= {"tfar", "tfar.config", "tfar.networks.made"}  # the others have no cases where there are none
    assert {wing(module) for module in MODULES} == {"tfar", *(name for line in WINGS for name in line)}


def test_imports_point_to_the_ground():
    height = {name: level for level, line in enumerate(WINGS) for name in line}
    upwards = [
        f"{module} imports {imported}"
        for module, tree in MODULES.items()
        for imported in sorted(imports(tree))
        if wing(module) != wing(imported) and "tfar" not in (module, imported) and height[wing(imported)] >= height[wing(module)]
    ]
    assert not upwards


def test_the_package_itself_imports_its_settings_alone():
    assert imports(MODULES["tfar"]) == {"tfar.config"}


def test_no_module_imports_itself_by_others():
    graph = defaultdict(set)
    for module, tree in MODULES.items():
        graph[module] = imports(tree) - {module}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle of imports: {' <- '.join(error.args[1])}")


def length(function):
    """Lines of a function without its docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    return function.end_lineno - function.lineno + 1 - (first.end_lineno - first.lineno + 1 if documented else 0)


def test_functions_are_short():
    everywhere = ((module, node) for module, tree in MODULES.items() for node in ast.walk(tree) if isinstance(node, FUNCTION))
    lines = {f"{module}.{node.name}": length(node) for module, node in everywhere if module != GENERATED}
    long = {name: count for name, count in lines.items() if count > MOST_LINES}
    assert not long


def test_functions_have_few_parameters():
    counts = {
        shown(module, of_class, function): len(arguments(function, of_class))
        for module, of_class, function in functions()
        if module != GENERATED and not (function.name == "__init__" and module.startswith(WITH_SETTINGS))
    }
    many = {name: count for name, count in counts.items() if count > MOST_PARAMETERS}
    assert not many


def test_what_is_public_is_annotated():
    missing = []
    for module, of_class, function in functions():
        public = not function.name.startswith("_") or function.name.startswith("__")
        if not public or (of_class and of_class.name.startswith("_")) or any(part.startswith("_") for part in module.split(".")):
            continue
        names = [argument.arg for argument in arguments(function, of_class) if argument.annotation is None]
        names += ["return"] if function.returns is None and function.name != "__init__" else []
        if names:
            missing.append(f"{shown(module, of_class, function)}: {', '.join(names)}")
    assert not missing


@pytest.mark.parametrize("folder", ["tfar", "tests", "scripts"])
def test_files_are_short(folder):
    files = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / folder).rglob("*.py")}
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in files.items() if module_name(path) != GENERATED}
    long = {name: count for name, count in lines.items() if count > LONGEST_FILE}
    assert not long
