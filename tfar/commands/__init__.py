"""The subcommands of `tfar`, one per file: `run(args)` takes what `tfar.cli` has read, and prints its result."""
