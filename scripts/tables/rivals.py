"""SDV's synthesizers beside our tables: trained on the same rows with their defaults, scored in the same run."""

from tables import protocol, synthetic

METHODS = ("GaussianCopula", "CTGAN", "TVAE")


def run(options):
    """Draw a table by each method, and score all of them beside those that `synthetic` has measured."""
    results = protocol.Results(options, "adult")
    measured = results.read().get("synthetic")
    if not (options.rivals_python and options.scoring_python and measured):
        raise SystemExit("rivals: give --rivals-python and --scoring-python, after the group synthetic")
    train, _ = protocol.adult(options)
    tables, commands = {}, []
    for method in METHODS:
        tables[method] = options.work / f"{method}-{options.rows}.csv"
        words = [options.rivals_python, method, train, tables[method]]
        results.part(["rivals", "costs", method], {"rows": options.rows}, lambda w=words: protocol.outside(*w))
        if not tables[method].exists():
            protocol.outside(*words)
    for kind, of_kind in measured.items():
        commands.append(protocol.command_of(options, "made", kind == "defaults"))
        tables |= {f"{kind} {seed}": synthetic.table_of(options, commands[-1], int(seed)) for seed in of_kind["runs"]}
    settings = {"rows": options.rows, "names": list(tables), "commands": commands}
    look = "rivals: the comparison of SDV's tables and ours with test rows"
    results.part(["rivals", "quality"], settings, lambda: synthetic.quality(options, tables), look)
