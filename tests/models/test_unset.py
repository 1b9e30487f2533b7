"""The difference between "not said" and "nothing"."""

from __future__ import annotations

import copy
import pickle

from tagodev import UNSET, Unset


def test_unset_is_one() -> None:
    """There is one `UNSET`, also after pickling and copying."""
    assert UNSET is Unset.UNSET
    assert UNSET is pickle.loads(pickle.dumps(UNSET))
    assert UNSET is copy.deepcopy(UNSET)


def test_unset_is_false_and_no_none() -> None:
    """It reads as nothing, and is not None."""
    assert not UNSET
    assert UNSET is not None  # type: ignore[comparison-overlap,unused-ignore]
    assert "UNSET" == repr(UNSET)
