"""docs/reliability.md, from results/reliability.json: no figure there is written by hand."""

import collections

from reliability import record
from reliability.explained import EXPLAINED
from tfar.cli.outputs import markdown_table
from tfar.files import write_text

PAGE = record.ROOT / "docs" / "reliability.md"
TOP = """\
# Reliability

What was tried to make tfar fail, how often, and what failed. Written by `python scripts/run_reliability.py render` from
`results/reliability.json`, to which each trial adds. A trial that is started again goes on where it was; its command is in the table.
The tests that run each time are in `tests/`; these trials run by hand.
"""


def run():
    write_text(PAGE, page(record.read()), overwrite=True)


def page(found):
    """The page in Markdown, of the sections that were recorded."""
    parts = [TOP, overview(found)]
    parts += [part(found[name]) for name, part in PARTS.items() if name in found]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def overview(found):
    """What was tried, how often, how often it failed, and by which command."""
    rows = [("trial", "how often", "faults", "date", "command")]
    for name, line in LINES.items():
        rows += [(*cells[:-1], found[name]["date"], f"`{cells[-1]}`") for cells in (line(found[name]) if name in found else [])]
    return markdown_table(rows[0], rows[1:])


def command(trial):
    return f"python scripts/run_reliability.py {trial}"


def kills_lines(section):
    kills, faults = sum(one["kills"] for one in section["trials"]), sum(bool(one["faults"]) for one in section["trials"])
    return [
        ("trainings killed by SIGKILL and given again", f"{kills} kills of {len(section['trials'])} trainings", faults, command("kills"))
    ]


def properties_lines(section):
    often = f"{section['cases']:,} cases of {section['models']:,} models"
    return [("random models held against the contract", often, len(section["faults"]), command("properties"))]


def mutants_lines(section):
    counts = collections.Counter(one["outcome"] for one in section["tried"])
    tried = sum(counts.values()) - counts["import"]
    left = counts["survived"] - sum(explanation(one) is not None for one in section["tried"])
    return [("faults put into the source, for the tests to find", f"{tried} of {section['of']:,}", f"{left} not found", command("mutants"))]


def suites_lines(section):
    return [
        (name, often(one), sum(one.get(what, 0) for what in ("failed", "error")), one["command"]) for name, one in section["done"].items()
    ]


def often(one):
    """Tests, or probes where they were counted."""
    probes = sum(count for count, _ in one.get("probes", {}).values())
    skipped = f", {one['skipped']} skipped" if one.get("skipped") else ""
    return f"{probes:,} probes" if probes else f"{one.get('passed', 0) + one.get('failed', 0)} tests{skipped}"


def kills_part(section):
    trials, left = collections.Counter(), collections.Counter()
    kills, faults = collections.Counter(), []
    for one in section["trials"]:
        trials[one["training"]] += 1
        kills[one["training"]] += one["kills"]
        left.update(one["left"])
        faults += [f"- {one['training']}, seed {one['seed']}: {fault}" for fault in one["faults"]]
    rows = [("training", "trials", "kills"), *((name, trials[name], kills[name]) for name in sorted(trials))]
    return "\n\n".join(
        [
            "## Kills",
            "`tfar train` is killed at moments drawn from the time that it takes, and given again until it ends. The result must be that "
            "of the same command uninterrupted: weights and settings bit for bit, the same files and no others, metrics equal but for "
            "times. Pictures must be there. A kill left behind: " + ", ".join(f"{what} {n}" for what, n in left.most_common()) + ".",
            markdown_table(rows[0], rows[1:]),
            *(["Faults:", "\n".join(faults)] if faults else []),
        ]
    )


def properties_part(section):
    rows = [("property", "cases"), *((name.replace("_", " "), f"{n:,}") for name, n in section["tried"].items())]
    families = ", ".join(f"{name} {n}" for name, n in sorted(section["families"].items()))
    faults = "\n".join(f"- {fault['fault']}\n\n      {fault['case']}" for fault in section["faults"])
    mended = "\n".join(f"- {fault}" for fault in section.get("mended", []))
    memory = section["megabytes"]
    return "\n\n".join(
        [
            "## Random models",
            "A model is drawn: family, shape, head, order, sizes, context, precision. A case is such a model with random weights, samples, "
            "number of rows and observed positions. All have the first properties, of which sums over all values are tried "
            "on discrete events alone; the rest belong to the method that the case asks "
            f"for. Models of each family: {families}. {section['seconds']:,.0f} s of processor time"
            + (f"; memory of the process {memory[0]:,} MB after ten models, {memory[-1]:,} MB at the end." if memory else "."),
            markdown_table(rows[0], rows[1:]),
            *(["Faults:", faults] if faults else []),
            *(["Found by these cases and mended:", mended] if mended else []),
        ]
    )


def mutants_part(section):
    by_file = collections.defaultdict(collections.Counter)
    for one in section["tried"]:
        by_file[one["file"]][one["outcome"]] += 1
    rows = [("file", "tried", "found", "explained", "not found")]
    for file, counts in sorted(by_file.items()):
        known = sum(explanation(one) is not None for one in section["tried"] if one["file"] == file)
        tried = sum(counts.values()) - counts["import"]
        rows.append((f"`{file}`", tried, counts["found"] + counts["hangs"], known, counts["survived"] - known))
    survivors = [("place", "fault", "why no test finds it")]
    for one in section["tried"]:
        if one["outcome"] == "survived":
            survivors.append((f"`{one['file']}`", f"`{one['before']}` → `{one['after']}`".replace("|", "\\|"), explanation(one) or "open"))
    return "\n\n".join(
        [
            "## Mutants",
            "A fault of cosmic-ray's operators is put into the source, and the tests closest to the file must fail. A sample of all "
            "faults, drawn with a seed, and four that earlier tests did not find.",
            markdown_table(rows[0], rows[1:]),
            *([markdown_table(survivors[0], survivors[1:])] if len(survivors) > 1 else []),
        ]
    )


def explanation(one):
    """Why a surviving mutant is none that a test could find; None where there is no reason, or it was found."""
    return EXPLAINED.get((one["file"], one["before"], one["after"])) if one["outcome"] == "survived" else None


LINES = {"kills": kills_lines, "properties": properties_lines, "mutants": mutants_lines, "suites": suites_lines}
PARTS = {"kills": kills_part, "properties": properties_part, "mutants": mutants_part}
