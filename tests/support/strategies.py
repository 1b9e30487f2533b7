"""Hypothesis strategies for the models and for what a service may answer."""

from __future__ import annotations

import types
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st

from tagodev import UNSET, Secret, Unset
from tagodev import _models as models
from tagodev._models.devices import CUSTOM_HTTPS_CONNECTOR, CUSTOM_HTTPS_NETWORK
from tagodev._serialization.converter import _ALIASES

__all__ = ["MODELS", "json_values", "moments", "texts"]

#: Text that UTF-8 can write.
texts = st.text(st.characters(codec="utf-8"), max_size=12)
names = texts.filter(str.strip)
#: Moments as exact as the service writes them: to the millisecond.
moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)

ids = st.text("0123456789abcdef", min_size=1, max_size=24)
spans = st.builds("{} {}".format, st.integers(0, 999), st.sampled_from(["day", "hours", "min"]))
_flags = st.booleans()
_integers = st.integers(-(2**63), 2**63 - 1)
_numbers = _integers | st.floats(allow_nan=False, allow_infinity=False)
_tags = st.lists(st.builds(models.Tag, names, texts), max_size=3).map(tuple)
_plain: Mapping[Any, st.SearchStrategy[Any]] = {
    str: texts,
    bool: _flags,
    int: _integers,
    float: _numbers,
    datetime: moments,
    Secret: texts.map(Secret),
    Any: json_values,
    type(None): st.none(),
    Unset: st.just(UNSET),
}


def _of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for what an annotation promises."""
    if hint in _plain:
        return _plain[hint]
    if attrs.has(hint):
        return MODELS[hint]
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return st.one_of(*(_of(arg) for arg in args))
    if origin is tuple:
        return st.lists(_of(args[0]), max_size=3).map(tuple)
    assert origin is Mapping, f"no strategy for {hint}"
    return st.dictionaries(texts, json_values, max_size=3)


def _settable(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.just(UNSET) | strategy


def _extra(cls: type[attrs.AttrsInstance]) -> st.SearchStrategy[dict[str, Any]]:
    """Return fields that the model does not know by any name."""
    known = {field.name for field in attrs.fields(cls)} | set(_ALIASES.get(cls, ()))
    return st.dictionaries(texts.filter(lambda name: name not in known), json_values, max_size=3)


def _any(cls: type[attrs.AttrsInstance], **fields: st.SearchStrategy[Any]) -> None:
    """Make a strategy for a model: any value that its annotations allow, but for these fields."""
    hints = get_type_hints(cls)
    made = {
        field.name: _extra(cls) if field.name == "extra" else _of(hints[field.name])
        for field in attrs.fields(cls)
        if field.name not in fields
    }
    MODELS[cls] = st.builds(cls, **made, **fields)


#: Every model, and how to make any of it; whatever another one holds stands before it.
MODELS: Final[dict[type, st.SearchStrategy[Any]]] = {}

# What is only read: any value of the right types.
_any(models.Tag)
_any(models.ConfigurationParameter, id=_settable(names))
_any(models.SoftLimits)
_any(models.Bucket)
_any(models.Device)
_any(models.DeviceCreated)
_any(models.DeviceStatistic)
_any(models.DeviceToken)
_any(models.TokenCreated)
_any(models.TokenInfo)
_any(models.SerialNumberFormat)
_any(models.Network)
_any(models.Connector)
_any(models.NetworkCreated)
_any(models.ConnectorCreated)
_any(models.NetworkToken)
_any(models.NetworkTokenCreated)
_any(models.ServiceToken)
_any(models.ServiceTokenCreated)
_any(models.ServiceAmounts)
_any(models.ResourceAmounts)
_any(models.AddOns)
_any(models.ProfileInfo)
_any(models.Profile)
_any(models.ProfileSummary)
_any(models.AccountPlan)
_any(models.Account)
_any(models.Location)
_any(models.DataPoint)
_any(models.AggregatePoint)
_any(models.DataBackup)
_any(models.Chunk)
_any(models.ChunkBackup)

# What is sent: values that are not refused.
_parameters = st.lists(
    st.builds(models.ConfigurationParameter, names, texts, sent=_flags), max_size=3
).map(tuple)
_lists = {"tags": _settable(_tags), "configuration_params": _settable(_parameters)}
_chunks = {
    "chunk_period": st.sampled_from(["day", "week", "month", "quarter"]),
    "chunk_retention": st.integers(0, 26),
}
_when = _settable(moments | spans)
_words = _settable(names)
_places = _settable(
    st.none() | st.builds(models.Location, st.floats(-90, 90), st.floats(-180, 180))
)
_register = {
    "unit": _words,
    "group": _words,
    "time": _when,
    "location": _places,
}
_variables = st.text("abcdefghij_0123456789", min_size=1, max_size=12)

_any(
    models.DeviceCreate,
    name=names,
    network=st.just(CUSTOM_HTTPS_NETWORK),
    connector=st.just(CUSTOM_HTTPS_CONNECTOR),
    type=st.sampled_from(["mutable", "immutable", "hybrid", "legacy"]),
    serie_number=_words,
    mutable_variable_regex=names,
    **_chunks,
    **_lists,
)
_any(
    models.DeviceEdit,
    name=_words,
    network=st.just(UNSET),
    connector=st.just(UNSET),
    chunk_retention=_settable(st.integers(0, 36)),
    mutable_variable_regex=_words,
    **_lists,
)
_any(models.DeviceConvert, type=names, **_chunks)
MODELS[models.TagFilter] = st.builds(models.TagFilter, texts, _settable(texts)) | st.builds(
    models.TagFilter, value=texts
)
_any(models.DeviceFilter, created_at=_when, updated_at=_when, last_input=_when)
_any(models.TokenFilter)
_any(models.IntegrationFilter)
_any(
    models.TokenCreate,
    name=names,
    permission=names,
    expire_time=_when | st.sampled_from(["never", "2030-01-31", "2030-01-31T12:00:00+01:00"]),
    serie_number=_words,
    verification_code=_settable(names.map(Secret)),
    middleware=_words,
)
_access = {"name": names, "permission": names, "expire_time": _when}
_any(models.NetworkTokenCreate, **_access)
_any(models.ServiceTokenCreate, verification_code=_settable(names.map(Secret)), **_access)
_any(models.NetworkCreate, name=names)
_any(models.NetworkEdit, name=_words)
_networks = _settable(st.lists(ids, max_size=3).map(tuple))
_any(models.ConnectorCreate, name=names, networks=_networks)
_any(models.ConnectorEdit, name=_words, networks=_networks)
_any(models.DataCreate, variable=_variables, **_register)
_any(models.DataEdit, id=ids, variable=_settable(_variables), **_register)
_any(
    models.DataQuery,
    **{
        name: _settable(st.lists(names, min_size=1, max_size=3).map(tuple))
        for name in ("variables", "groups", "ids")
    },
    values=_settable(st.lists(texts | _numbers | _flags, min_size=1, max_size=3).map(tuple)),
    qty=_settable(st.integers(0, 10_000)),
    skip=_settable(st.integers(0, 2**53)),
    ordination=_settable(st.sampled_from(["ascending", "descending"])),
    start_date=_when,
    end_date=_when,
)

# Rows of bulk runs.
_tag_keys = st.sampled_from(["site", "room"])
MODELS[models.TagChanges] = st.builds(
    models.TagChanges,
    set=st.lists(st.builds(models.Tag, _tag_keys, texts), max_size=3).map(tuple),
    remove=st.lists(names.filter(lambda key: key not in ("site", "room")), max_size=2).map(tuple),
)
MODELS[models.DeviceChange] = st.builds(
    models.DeviceChange,
    ids,
    MODELS[models.DeviceEdit],
) | st.builds(
    models.DeviceChange,
    ids,
    MODELS[models.DeviceEdit].map(lambda edit: attrs.evolve(edit, tags=models.UNSET)),
    tags=MODELS[models.TagChanges],
)
_any(models.DeviceTokenCreate, device_id=ids)
_any(models.Rotation, device_id=ids, token=st.none() | names.map(Secret))
_any(models.ParameterChange, device_id=ids, parameters=_parameters)
_any(
    models.DataBatch,
    device_id=ids,
    points=st.lists(MODELS[models.DataCreate], min_size=1, max_size=3).map(tuple),
)
MODELS[models.ApplyStep] = st.one_of(
    st.builds(models.ApplyStep, create=MODELS[models.DeviceCreate]),
    st.builds(
        models.ApplyStep,
        device_id=ids,
        edit=MODELS[models.DeviceEdit],
        parameters=_parameters,
    ),
    st.builds(models.ApplyStep, device_id=ids, tags=MODELS[models.TagChanges]),
    st.builds(models.ApplyStep, device_id=ids, delete=st.just(True)),
)
