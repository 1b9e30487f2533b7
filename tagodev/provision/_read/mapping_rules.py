"""Mapping rules for the rows of a file: columns, defaults, templates, networks and connectors.

Problems with the rules are reported once, not for every row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev._device_fields import PREFIXES
from tagodev.errors import InputError
from tagodev.provision._integrations import Resolver
from tagodev.provision._read.columns import ColumnNames, fold, shown_name
from tagodev.provision._read.device_fields import read_fields, refuse_device_column
from tagodev.provision._read.formats.mapping import Keys
from tagodev.provision._read.record import Record, Schema, SourcePosition, locate
from tagodev.provision._read.templates import (
    ROW,
    Template,
    is_template,
    may_be_template,
    parse_template,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


__all__ = ["DEFAULTS", "DEFAULTS_SCHEMA", "MappingRules", "default_problems", "make_mapping_rules"]

#: Prefix of the paths of problems with defaults.
DEFAULTS: Final = "defaults."
#: Columns of exports that are not fields of a device.
_LEFT_OUT: Final = frozenset({"token"})
#: Allowed defaults.
DEFAULTS_SCHEMA: Final = Schema(refuse_device_column, (), naming=ColumnNames(left_out=_LEFT_OUT))


@attrs.frozen
class MappingRules:
    """Rules that complete each row."""

    naming: ColumnNames
    """Fields of the columns."""
    plain: Mapping[str, Any]
    """Default values of fields."""
    templates: Mapping[str, Template]
    """Templates for default values of fields."""
    resolver: Resolver
    """Resolver of the names of networks and connectors."""

    @property
    def schema(self) -> Schema:
        """Allowed columns of the file."""
        made_of: dict[str, tuple[str, ...]] = {}
        if "name" in self.plain:
            made_of["name"] = ()
        elif "name" in self.templates:
            fields = self.templates["name"].fields
            made_of["name"] = tuple(one for one in fields if one not in self.plain)
        return Schema(refuse_device_column, ("name",), naming=self.naming, made_of=made_of)

    def complete(self, record: Record) -> tuple[Record, frozenset[str], list[InputError]]:
        """Return a completed record, the fields that it gives, and problems.

        A network or connector that follows from the other is added, but does not count as given.

        Args:
            record: the record from the file.
        """
        values, positions = dict(record.values), record.positions
        added = {field: one for field, one in self.plain.items() if not _gives(values, field)}
        if added:
            positions = {
                **positions,
                **{field: SourcePosition(f"{DEFAULTS}{field}") for field in added},
            }
            values = {**added, **values}
        problems, reported = [], set(record.reported)
        for field, template in self.templates.items():
            if _gives(values, field):
                continue
            try:
                values[field] = template.fill(values, record.number)
            except InputError as error:
                # Located before the field is marked as reported.
                if locate(_at(error, field), record) and reported.isdisjoint(template.fields):
                    problems.append(error)
                reported.add(field)
        for helper in self.naming.helpers:
            values.pop(helper, None)
        given = frozenset(values)
        found, more = self.resolver.resolve(values.get("network"), values.get("connector"))
        if more:
            # Further problems with these fields would only follow from this one.
            found = {}
            values.pop("network", None)
            values.pop("connector", None)
        # Values other than text are kept and refused with the rest of the row.
        values |= {key: id_ for key, id_ in found.items() if isinstance(values.get(key, ""), str)}
        whole = attrs.evolve(
            record, values=values, positions=positions, reported=frozenset(reported)
        )
        return whole, given, problems + more


def make_mapping_rules(
    columns: Mapping[str, str], defaults: Mapping[str, Any], resolver: Resolver | None
) -> tuple[MappingRules, list[InputError]]:
    """Return the mapping rules, and the problems with them.

    Args:
        columns: field of each mapped column, or of each template.
        defaults: default values by field, as keys of a JSON object.
        resolver: resolver of the names of networks and connectors; None to accept any name.
    """
    problems: list[InputError] = []
    chosen = {column: field for column, field in columns.items() if not is_template(column)}
    naming = ColumnNames(_chosen(chosen, problems), left_out=_LEFT_OUT)
    plain = _defaults(defaults, problems)
    texts = _take_templates(plain)
    paths = {field: f"{DEFAULTS}{field}" for field in texts}
    for text, target in columns.items():
        if not is_template(text):
            continue
        field = ColumnNames().field_of(target)
        if may_be_template(field):
            texts[field], paths[field] = text, shown_name(text)
        else:
            message = (
                f"templates are for names, descriptions and tags, not for "
                f"{shown_name(target) or 'an empty field'}"
            )
            problems.append(InputError(message, path=shown_name(text)))
    templates = {}
    for field, text in texts.items():
        try:
            naming = _with_helpers(naming, parse_template(text, naming))
            templates[field] = parse_template(text, naming)
        except InputError as error:
            problems.append(_at(error, paths[field]))
    _check_plain(plain, problems)
    if resolver is not None:
        _check_names(plain, resolver, problems)
    return MappingRules(naming, plain, templates, resolver or Resolver()), problems


def _chosen(columns: Mapping[str, str], problems: list[InputError]) -> dict[str, str]:
    """Return the field of each mapped column, without invalid ones."""
    chosen: dict[str, str] = {}
    names: dict[str, str] = {}
    for column, target in columns.items():
        field = ColumnNames().field_of(target) if target.strip() else ""
        problem = refuse_device_column(field) if field else ""
        first = names.setdefault(fold(column), column)
        if first != column:
            problem = f"is mapped to {shown_name(target)}, but {shown_name(first)} to another field"
            problem = "" if chosen[first.strip()] == field else problem
        else:
            chosen[column.strip()] = "" if problem else field
            problem = problem and f"can't be mapped to {shown_name(target)}: {problem}"
        if problem:
            problems.append(InputError(problem, path=shown_name(column)))
    return chosen


def _defaults(defaults: Mapping[str, Any], problems: list[InputError]) -> dict[str, Any]:
    """Return defaults by field, with one field per tag and parameter."""
    keys = Keys(DEFAULTS_SCHEMA)
    plain: dict[str, Any] = {}
    for found in keys.record(0, dict(defaults)):
        if isinstance(found, InputError):
            found.line = None
            problems.append(_at(found, f"{DEFAULTS}{found.path}"))
        else:
            plain |= found.values
    for field, prefix in PREFIXES.items():
        pairs = _pairs(plain.get(field))
        if pairs:
            del plain[field]
            plain = {**{prefix + key: value for key, value in pairs.items()}, **plain}
    return plain


def _pairs(items: Any) -> dict[str, Any]:
    """Return a list of tags or parameters as a mapping; empty if that would lose information."""
    pairs: dict[str, Any] = {}
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict) or item.keys() != {"key", "value"}:
            return {}
        if not isinstance(item["key"], str) or item["key"] in pairs:
            return {}
        pairs[item["key"]] = item["value"]
    return pairs


def _with_helpers(naming: ColumnNames, template: Template) -> ColumnNames:
    """Return column names that include the columns of a template."""
    helpers = set(naming.helpers)
    for shown, field in template.columns:
        if shown == ROW or (field and (field in helpers or not refuse_device_column(field))):
            continue
        if not field and naming.choice(shown) is None:
            raise InputError(f"uses {shown_name(shown)}, which is not read")
        helpers.add(f"{{{shown.strip()}}}")
    return attrs.evolve(naming, helpers=frozenset(helpers))


def default_problems(defaults: Mapping[str, Any]) -> list[InputError]:
    """Return the problems of defaults, regardless of a file.

    Args:
        defaults: default values by field.
    """
    _, problems = make_mapping_rules({}, defaults, None)
    return [_at(problem, problem.path.removeprefix(DEFAULTS)) for problem in problems]


def _take_templates(plain: dict[str, Any]) -> dict[str, str]:
    """Remove templates from defaults and return them."""
    fields = [one for one in plain if may_be_template(one) and is_template(plain[one])]
    return {field: plain.pop(field) for field in fields}


def _check_plain(plain: dict[str, Any], problems: list[InputError]) -> None:
    """Report and remove defaults that are not valid for a device."""
    _, found = read_fields(plain)
    for problem in found:
        plain.pop(problem.path, None)
        plain.pop(problem.path.partition("[")[0], None)
        problems.append(_at(problem, f"{DEFAULTS}{problem.path}"))


def _check_names(plain: dict[str, Any], resolver: Resolver, problems: list[InputError]) -> None:
    """Report and remove unknown networks and connectors."""
    for field, resolve in (("network", resolver.network), ("connector", resolver.connector)):
        try:
            if field in plain and plain[field].strip():
                resolve(plain[field])
        except InputError as error:
            del plain[field]
            problems.append(_at(error, f"{DEFAULTS}{field}"))


def _gives(values: Mapping[str, Any], field: str) -> bool:
    """Return whether a row gives a field, or a tag or parameter within its list."""
    if field in values:
        return True
    for whole, prefix in PREFIXES.items():
        items = values.get(whole)
        if field.startswith(prefix) and isinstance(items, list):
            key = field[len(prefix) :]
            return any(isinstance(item, dict) and item.get("key") == key for item in items)
    return False


def _at(problem: InputError, path: str) -> InputError:
    problem.path = path
    return problem
