"""Run many: the runner, what it does with a row, what became of each."""
