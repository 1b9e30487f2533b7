"""Tags that another client adds between a look at devices and the edit stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tagodev import DeviceEdit, Tag
from tagodev._cli.apply import session
from tagodev._cli.bulk import untag
from tagodev._cli.options import confirmation
from tests.cli.profile import SITE, Profile

if TYPE_CHECKING:
    from tagodev import DeviceChange, Tago

pytestmark = pytest.mark.tago_emulator(unlimited=True)

ALARM = Tag("alarm", "42")


async def _add_alarm(tago: Tago) -> None:
    for device in await tago.devices.list().collect():
        await tago.devices.edit(device.id, DeviceEdit(tags=[*device.tags, ALARM]))


def add_alarm(profile: Profile) -> None:
    """Add a tag to every device, as another client of the service does."""
    profile.ask(_add_alarm)


def test_apply(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the plan and its steps; putting the snapshot back removes what the plan shows."""
    profile.write("site.csv")
    profile.run("apply", "site.csv", "--name", "site", "--yes")
    profile.write("site.csv", SITE.replace("dairy", "bakery"))

    def agreed(question: str, answer: str) -> bool:
        add_alarm(profile)
        return True

    monkeypatch.setattr(session, "confirmed", agreed)
    done = profile.run(
        "apply", "site.csv", "--name", "site", "--tags", "replace", "--snapshot", "before.json"
    )
    changed = profile.devices()
    restored = profile.run("apply", "before.json", "--yes", "--json")

    assert (0, 0) == (done.code, restored.code)
    for device in changed.values():
        assert {ALARM, Tag("site", "bakery")} <= set(device.tags)
    # The tag was there when the plan of the snapshot was made, and that showed that it goes.
    for device in profile.devices().values():
        assert Tag("site", "dairy") in device.tags
        assert ALARM not in device.tags


def test_restoring(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the plan of a snapshot and its steps, too."""
    profile.write("site.csv")
    profile.run("apply", "site.csv", "--name", "site", "--yes")
    profile.write("site.csv", SITE.replace("dairy", "bakery"))
    profile.run("apply", "site.csv", "--name", "site", "--yes", "--snapshot", "before.json")

    def agreed(question: str, answer: str) -> bool:
        add_alarm(profile)
        return True

    monkeypatch.setattr(session, "confirmed", agreed)
    assert 0 == profile.run("apply", "before.json").code
    for device in profile.devices().values():
        assert {Tag("site", "dairy"), ALARM} <= set(device.tags)


@pytest.mark.parametrize(
    ("options", "stays"),
    [
        (("--set", "tag.site=bakery"), True),
        (("--unset", "tag.site"), True),
        (("--set", "tag.site=bakery", "--set", "active=no"), True),
        # The whole list is what is asked for.
        (("--set", "tag.site=bakery", "--replace-tags"), False),
    ],
)
def test_edit_by_filter(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], stays: bool
) -> None:
    """Between the question and the edit."""
    profile.make("a", "b", tags=(Tag("site", "dairy"), Tag("room", "1")))

    def agreed(question: str, answer: str) -> bool:
        add_alarm(profile)
        return True

    monkeypatch.setattr(confirmation, "confirmed", agreed)
    done = profile.run("device", "edit", "--tag", "site=dairy", *options)

    assert 0 == done.code, done.err
    for device in profile.devices().values():
        assert Tag("site", "dairy") not in device.tags
        assert stays is (ALARM in device.tags)


def test_edit_named(profile: Profile) -> None:
    """A device that is named is read again before it is written."""
    profile.make("a", tags=(Tag("site", "dairy"), ALARM))
    done = profile.run("device", "edit", "a", "--set", "tag.site=bakery", "--set", "active=no")
    again = profile.run("device", "edit", "a", "--set", "tag.site=bakery", "--set", "active=no")

    assert (0, 0) == (done.code, again.code)
    assert "unchanged" in again.out
    device = profile.devices()["a"]
    assert ({Tag("site", "bakery"), ALARM}, False) == (set(device.tags), device.active)


def test_untag(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the listing of the run's devices and the edits."""
    profile.write("site.csv", "name,tag.site\na,dairy\nb,dairy\n")
    made = profile.run("bulk", "create", "site.csv", "--journal", "j", "--plan", "scale")
    listed = untag._changes

    async def listed_then_tagged(tago: Tago, key: str) -> list[DeviceChange]:
        found = await listed(tago, key)
        await _add_alarm(tago)
        return found

    monkeypatch.setattr(untag, "_changes", listed_then_tagged)
    done = profile.run("bulk", "untag", "j")

    assert (0, 0) == (made.code, done.code)
    for device in profile.devices().values():
        assert {Tag("site", "dairy"), ALARM} == set(device.tags)


def test_bulk_edit(profile: Profile) -> None:
    """A file without tags leaves them alone; one with tags replaces all, as its help says."""
    profile.make("a", "b", tags=(Tag("site", "dairy"), ALARM))
    ids = {name: device.id for name, device in profile.devices().items()}
    profile.write("one.csv", f"device_id,active\n{ids['a']},no\n{ids['b']},no\n")
    profile.write("two.csv", f"device_id,tag.site\n{ids['a']},bakery\n{ids['b']},\n")
    first = profile.run("bulk", "edit", "one.csv")
    left = profile.devices()
    second = profile.run("bulk", "edit", "two.csv")
    devices = profile.devices()

    assert (0, 0) == (first.code, second.code)
    assert [{Tag("site", "dairy"), ALARM}] * 2 == [set(left[name].tags) for name in "ab"]
    assert {Tag("site", "bakery")} == set(devices["a"].tags)
    assert {Tag("site", "dairy"), ALARM} == set(devices["b"].tags)
    assert "replace all tags" in " ".join(profile.run("bulk", "edit", "--help").out.split())


def test_costs(profile: Profile) -> None:
    """The plan counts the request that reads the tags, and the run sends just as many."""
    profile.make("Cold room 1", "Cold room 2", "Cold room 3")
    profile.write("site.csv", "name,tag.site\nCold room 1,dairy\nCold room 2,dairy\nCold room 3,\n")
    plan = profile.run("plan", "site.csv", "--name", "site", "--json").json()
    before = profile.asked()
    profile.run("apply", "site.csv", "--name", "site", "--yes")
    asked = profile.asked()

    assert {"GET /device/:device_id": 2, "PUT /device/:device_id": 2} == plan["requests"]
    for route, number in plan["requests"].items():
        assert number == asked[route] - before.get(route, 0)
