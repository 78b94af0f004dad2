"""The subcommands of `tfar`, one per file: `run(args)` takes the arguments that `tfar.cli` has read, and prints its result."""
