"""Files of this machine: atomic writes, process locks, the state folder."""
