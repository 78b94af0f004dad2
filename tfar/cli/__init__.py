"""The command `tfar`: one file for each subcommand."""
