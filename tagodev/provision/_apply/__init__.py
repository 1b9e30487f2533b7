"""Apply: guards, snapshots and the journal of a plan."""
