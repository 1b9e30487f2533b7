"""What is added to the rows of a file before they are read as devices.

What columns mean, what rows have that do not say otherwise, names made of other values, networks
and connectors by name: whatever is wrong with these is said once, not in every row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import attrs

from tagodev.errors import InputError
from tagodev.provision.read.columns import PARAM, TAG, ColumnNames, fold, shown_name
from tagodev.provision.read.device_fields import read_fields, refuse_device_column
from tagodev.provision.read.formats.mapping import Keys
from tagodev.provision.read.record import Record, Schema, SourcePosition, locate
from tagodev.provision.read.templates import (
    ROW,
    Template,
    is_template,
    may_be_template,
    parse_template,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tagodev.provision.integrations import Resolver

__all__ = ["DEFAULTS", "DEFAULTS_SCHEMA", "MappingRules", "default_problems", "make_recipe"]

#: What the paths of problems with defaults begin with.
DEFAULTS: Final = "defaults."
#: A column of exports that is no field of a device; what it holds goes no further.
_LEFT_OUT: Final = frozenset({"token"})
#: What defaults may be.
DEFAULTS_SCHEMA: Final = Schema(refuse_device_column, (), naming=ColumnNames(left_out=_LEFT_OUT))
_LISTS: Final = {"tags": TAG, "configuration_params": PARAM}


@attrs.frozen
class MappingRules:
    """What is added to each row."""

    naming: ColumnNames
    """What the file's columns mean."""
    plain: Mapping[str, Any]
    """Values of fields that a row does not give."""
    templates: Mapping[str, Template]
    """The same, made of what it gives."""
    resolver: Resolver
    """What names of networks and connectors stand for."""

    @property
    def schema(self) -> Schema:
        """What the file's columns may be."""
        made_of: dict[str, tuple[str, ...]] = {}
        if "name" in self.plain:
            made_of["name"] = ()
        elif "name" in self.templates:
            fields = self.templates["name"].fields
            made_of["name"] = tuple(one for one in fields if one not in self.plain)
        return Schema(refuse_device_column, ("name",), naming=self.naming, made_of=made_of)

    def complete(self, record: Record) -> tuple[Record, frozenset[str], list[InputError]]:
        """Return a record with all that is added, the fields that it gives, and what is wrong.

        A connector that follows from its network, or the other way round, is added but not given.

        Args:
            record: as the file has it.
        """
        values, places = dict(record.values), record.places
        added = {field: one for field, one in self.plain.items() if not _gives(values, field)}
        if added:
            places = {**places, **{field: SourcePosition(f"{DEFAULTS}{field}") for field in added}}
            values = {**added, **values}
        problems, excused = [], set(record.excused)
        for field, template in self.templates.items():
            if _gives(values, field):
                continue
            try:
                values[field] = template.fill(values, record.number)
            except InputError as error:
                # Located before the field is excused, for this is what excuses it.
                if locate(_at(error, field), record) and excused.isdisjoint(template.fields):
                    problems.append(error)
                excused.add(field)
        for helper in self.naming.helpers:
            values.pop(helper, None)
        given = frozenset(values)
        found, more = self.resolver.settle(values.get("network"), values.get("connector"))
        if more:
            # Whatever else there would be to say of them follows from this.
            found = {}
            values.pop("network", None)
            values.pop("connector", None)
        # What is no text stays as it is, to be refused with the rest of the row.
        values |= {key: id_ for key, id_ in found.items() if isinstance(values.get(key, ""), str)}
        whole = attrs.evolve(record, values=values, places=places, excused=frozenset(excused))
        return whole, given, problems + more


def make_recipe(
    columns: Mapping[str, str], defaults: Mapping[str, Any], resolver: Resolver
) -> tuple[MappingRules, list[InputError]]:
    """Return what is to be added to each row, and what is wrong with that.

    Args:
        columns: what columns mean, where their names do not say so, or templates for fields.
        defaults: values of fields that a row does not give, as the keys of a JSON object.
        resolver: what names of networks and connectors stand for.
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
            message = f"can't make {shown_name(target) or 'nothing'}: names, descriptions, tags"
            problems.append(InputError(message, path=shown_name(text)))
    templates = {}
    for field, text in texts.items():
        try:
            naming = _with_helpers(naming, parse_template(text, naming))
            templates[field] = parse_template(text, naming)
        except InputError as error:
            problems.append(_at(error, paths[field]))
    _check_plain(plain, problems)
    _check_names(plain, resolver, problems)
    return MappingRules(naming, plain, templates, resolver), problems


def _chosen(columns: Mapping[str, str], problems: list[InputError]) -> dict[str, str]:
    """Return what columns were chosen to mean; one that can't mean that is left out."""
    chosen: dict[str, str] = {}
    names: dict[str, str] = {}
    for column, target in columns.items():
        field = ColumnNames().field_of(target) if target.strip() else ""
        problem = refuse_device_column(field) if field else ""
        first = names.setdefault(fold(column), column)
        if first != column:
            problem = f"means {shown_name(target)}, and {shown_name(first)} something else"
            problem = "" if chosen[first.strip()] == field else problem
        else:
            chosen[column.strip()] = "" if problem else field
            problem = problem and f"can't mean {shown_name(target)}: {problem}"
        if problem:
            problems.append(InputError(problem, path=shown_name(column)))
    return chosen


def _defaults(defaults: Mapping[str, Any], problems: list[InputError]) -> dict[str, Any]:
    """Return defaults by field, a tag or parameter each on its own, so that a row's go before."""
    keys = Keys(DEFAULTS_SCHEMA)
    plain: dict[str, Any] = {}
    for found in keys.record(0, 0, dict(defaults)):
        if isinstance(found, InputError):
            found.line = None
            problems.append(_at(found, f"{DEFAULTS}{found.path}"))
        else:
            plain |= found.values
    for field, prefix in _LISTS.items():
        pairs = _pairs(plain.get(field))
        if pairs:
            del plain[field]
            plain = {**{prefix + key: value for key, value in pairs.items()}, **plain}
    return plain


def _pairs(items: Any) -> dict[str, Any]:
    """Return a list of tags or parameters by key; nothing if that would lose any of it."""
    pairs: dict[str, Any] = {}
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict) or item.keys() != {"key", "value"}:
            return {}
        if not isinstance(item["key"], str) or item["key"] in pairs:
            return {}
        pairs[item["key"]] = item["value"]
    return pairs


def _with_helpers(naming: ColumnNames, template: Template) -> ColumnNames:
    """Return the naming that knows the columns that a template is made of, whatever they are."""
    helpers = set(naming.helpers)
    for shown, field in template.columns:
        if shown == ROW or (field and (field in helpers or not refuse_device_column(field))):
            continue
        if not field and naming.choice(shown) is None:
            raise InputError(f"is made of {shown_name(shown)}, which is not read")
        helpers.add(f"{{{shown.strip()}}}")
    return attrs.evolve(naming, helpers=frozenset(helpers))


def default_problems(defaults: Mapping[str, Any]) -> list[InputError]:
    """Return what is wrong with defaults, by field, whatever file they are for.

    Args:
        defaults: by field.
    """
    problems: list[InputError] = []
    plain = _defaults(defaults, problems)
    for field, text in _take_templates(plain).items():
        try:
            parse_template(text, ColumnNames())
        except InputError as error:
            problems.append(_at(error, field))
    _check_plain(plain, problems)
    return [_at(problem, problem.path.removeprefix(DEFAULTS)) for problem in problems]


def _take_templates(plain: dict[str, Any]) -> dict[str, str]:
    """Take templates out of defaults, and return them."""
    fields = [one for one in plain if may_be_template(one) and is_template(plain[one])]
    return {field: plain.pop(field) for field in fields}


def _check_plain(plain: dict[str, Any], problems: list[InputError]) -> None:
    """Complain of defaults that no device can have, and drop them."""
    _, found = read_fields(plain)
    for problem in found:
        plain.pop(problem.path, None)
        plain.pop(problem.path.partition("[")[0], None)
        problems.append(_at(problem, f"{DEFAULTS}{problem.path}"))


def _check_names(plain: dict[str, Any], resolver: Resolver, problems: list[InputError]) -> None:
    """Complain of networks and connectors that are not known, and drop them."""
    for field, resolve in (("network", resolver.network), ("connector", resolver.connector)):
        try:
            if field in plain and plain[field].strip():
                resolve(plain[field])
        except InputError as error:
            del plain[field]
            problems.append(_at(error, f"{DEFAULTS}{field}"))


def _gives(values: Mapping[str, Any], field: str) -> bool:
    """Tell whether a row gives a field; a tag or a parameter also within its list."""
    if field in values:
        return True
    for whole, prefix in _LISTS.items():
        items = values.get(whole)
        if field.startswith(prefix) and isinstance(items, list):
            key = field[len(prefix) :]
            return any(isinstance(item, dict) and item.get("key") == key for item in items)
    return False


def _at(problem: InputError, path: str) -> InputError:
    problem.path = path
    return problem
