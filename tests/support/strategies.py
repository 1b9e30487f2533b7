"""Hypothesis strategies for the models and for what a service may answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import attrs
from hypothesis import strategies as st

from tagodev import (
    UNSET,
    Bucket,
    ConfigurationParameter,
    Device,
    DeviceCreate,
    DeviceCreated,
    DeviceEdit,
    DeviceFilter,
    DeviceToken,
    Secret,
    Tag,
    TokenCreate,
    TokenCreated,
)

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

_secrets = texts.map(Secret)
_tags = st.lists(st.builds(Tag, names, texts), max_size=3)
_parameters = st.builds(
    ConfigurationParameter, names, texts, sent=st.booleans(), id=st.just(UNSET) | names
)


def _optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _settable(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.just(UNSET) | strategy


def _extra(cls: type[attrs.AttrsInstance]) -> st.SearchStrategy[dict[str, Any]]:
    """Return fields that the model does not know."""
    known = {field.name for field in attrs.fields(cls)}
    return st.dictionaries(texts.filter(lambda name: name not in known), json_values, max_size=3)


_flag = _settable(st.booleans())
_free_text = _settable(_optional(texts))
_changes = {
    "active": _flag,
    "visible": _flag,
    "description": _free_text,
    "payload_decoder": _free_text,
    "tags": _settable(_tags),
    "configuration_params": _settable(st.lists(_parameters, max_size=3)),
}
_create = st.builds(
    DeviceCreate,
    name=names,
    serie_number=_settable(names),
    **_changes,
)
_edit = st.builds(
    DeviceEdit,
    name=_settable(names),
    chunk_retention=_settable(st.integers(0, 36)),
    **_changes,
)
_filter = st.builds(
    DeviceFilter,
    **{name: _settable(texts) for name in ("id", "name", "type", "network", "connector")},
    active=_flag,
    visible=_flag,
    tags=_settable(_tags),
)
_device = st.builds(
    Device,
    id=texts,
    name=texts,
    **{
        name: _optional(texts)
        for name in (
            "profile",
            "description",
            "type",
            "network",
            "connector",
            "payload_decoder",
            "chunk_period",
            "data_retention",
        )
    },
    **{name: _optional(st.booleans()) for name in ("active", "visible")},
    **{
        name: _optional(moments)
        for name in ("created_at", "updated_at", "last_input", "last_output")
    },
    tags=_tags.map(tuple),
    bucket=_optional(st.builds(Bucket, texts, _optional(texts))),
    chunk_retention=_optional(st.integers(0, 36)),
    extra=_extra(Device),
)
_device_token = st.builds(
    DeviceToken,
    token=_secrets,
    **{
        name: _optional(texts)
        for name in (
            "name",
            "permission",
            "device_id",
            "network_id",
            "serie_number",
            "last_authorization",
        )
    },
    expire_time=_optional(moments),
    created_at=_optional(moments),
    extra=_extra(DeviceToken),
)

#: Every model, and how to make any of it.
MODELS: Final[dict[type, st.SearchStrategy[Any]]] = {
    Bucket: st.builds(Bucket, texts, _optional(texts)),
    ConfigurationParameter: _parameters,
    Device: _device,
    DeviceCreate: _create,
    DeviceCreated: st.builds(
        DeviceCreated, device_id=texts, token=_secrets, bucket_id=_optional(texts)
    ),
    DeviceEdit: _edit,
    DeviceFilter: _filter,
    DeviceToken: _device_token,
    Tag: st.builds(Tag, names, texts),
    # What ends a token is written only, as a moment or as words: it is not read back.
    TokenCreate: st.builds(TokenCreate, names, names, serie_number=_settable(names)),
    TokenCreated: st.builds(
        TokenCreated, token=_secrets, permission=_optional(texts), expire_time=_optional(moments)
    ),
}
