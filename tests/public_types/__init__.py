"""What type checkers make of other people's code; read by mypy and pyright, never run."""
