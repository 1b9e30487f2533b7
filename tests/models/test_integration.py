"""Networks and connectors: what they ask of a device."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tagodev import Connector, DeviceCreate, InputError, Network, SerialNumberFormat

EUI = SerialNumberFormat(mask="FF-FF-FF-FF", case="upper", required=True)
ALLOWED = {
    "F": string.hexdigits,
    "P": string.ascii_letters + string.digits,
    "0": string.digits,
    "A": string.ascii_letters,
}
masks = st.text("FP0A-", min_size=1, max_size=12).filter(lambda mask: mask.strip("-"))


def device(**fields: Any) -> DeviceCreate:
    """Return a device of the network and the connector below."""
    return DeviceCreate(name="x", network="n", connector="c", **fields)


def refusal(check: Any, *args: Any) -> InputError:
    """Return why something is refused."""
    with pytest.raises(InputError) as caught:
        check(*args)
    return caught.value


@given(mask=masks, data=st.data())
def test_what_fits_a_mask_is_taken(mask: str, data: st.DataObject) -> None:
    """Any serial number made of the right characters is right, and stored as it is."""
    symbols = mask.replace("-", "")
    serial = "".join(data.draw(st.sampled_from(ALLOWED[symbol])) for symbol in symbols)
    written = SerialNumberFormat(mask=mask)

    assert "" == written.problem(serial)
    assert serial == written.stored(serial)
    written.check(serial)


@given(mask=masks, data=st.data())
def test_one_wrong_character_is_named_by_its_place(mask: str, data: st.DataObject) -> None:
    """The first character that is not allowed is told."""
    symbols = mask.replace("-", "")
    right = [data.draw(st.sampled_from(ALLOWED[symbol])) for symbol in symbols]
    place = data.draw(st.integers(0, len(symbols) - 1))
    wrong = data.draw(st.sampled_from(string.printable.replace("-", "") + "ä٣"))
    assume(wrong not in ALLOWED[symbols[place]])
    serial = "".join([*right[:place], wrong, *right[place + 1 :]])
    assume(serial.strip())

    assert f"at position {place + 1} " in SerialNumberFormat(mask=mask).problem(serial)


@given(mask=masks, case=st.sampled_from(["upper", "lower", None]), data=st.data())
def test_what_is_shown_becomes_what_is_stored(
    mask: str, case: str | None, data: st.DataObject
) -> None:
    """A serial number as the mask shows it loses its dashes and takes its case."""
    shown = "".join(one if one == "-" else data.draw(st.sampled_from(ALLOWED[one])) for one in mask)
    written = SerialNumberFormat(mask=mask, case=case)

    assert "" == written.problem(written.stored(shown))


@pytest.mark.parametrize(
    ("expected", "serial"),
    [
        ("", "0886AB56"),
        ("has 7 characters, the mask FF-FF-FF-FF requires 8", "0886AB5"),
        ("has 9 characters, the mask FF-FF-FF-FF requires 8", "0886AB567"),
        ("must have a hexadecimal digit at position 3 (mask FF-FF-FF-FF)", "08G6AB56"),
        ("has dashes, which are not stored", "08-86-AB-56"),
        ("must be in upper case", "0886ab56"),
        ("must not be empty", " "),
        ("must not be empty", ""),
    ],
)
def test_what_is_wrong_is_said(expected: str, serial: str) -> None:
    """Each mistake has its own words."""
    assert expected == EUI.problem(serial)


@pytest.mark.parametrize(
    ("hint", "serial"),
    [
        ("Send 0886AB56", "08-86-ab-56"),
        ("Send 0886AB56", "0886ab56"),
        ("", "0886AB5"),
        ("", "08-86-AB-5"),
        ("", "xyz"),
    ],
)
def test_what_to_send_instead_is_said_where_it_is_known(hint: str, serial: str) -> None:
    """Dashes and case can be put right; a missing character can't."""
    error = refusal(EUI.check, serial)

    assert ("serie_number", hint) == (error.path, error.hint)


def test_dashes_that_no_mask_shows_are_wrong_characters() -> None:
    """Where the mask has no dash, one is not taken away in silence."""
    written = SerialNumberFormat(mask="0000")

    assert "must have a digit at position 3 (mask 0000)" == written.problem("12-4")
    assert "12-34" == written.stored("12-34")


def test_path_of_the_check_is_the_callers() -> None:
    """A serial number may stand in a row of its own."""
    with pytest.raises(InputError) as caught:
        EUI.check("", path="rows[3].serie_number")

    assert "rows[3].serie_number" == caught.value.path


@pytest.mark.parametrize("mask", [None, "", "-"])
def test_without_a_mask_any_text_will_do(mask: str | None) -> None:
    """A network that says nothing takes dashes and spaces too."""
    written = SerialNumberFormat(mask=mask)

    assert "" == written.problem("a-b c")
    assert "a-b c" == written.stored("a-b c")
    assert "must not be empty" == written.problem(" ")


def test_symbols_that_are_not_documented_stand_for_anything() -> None:
    """What can't be known is not refused."""
    assert "" == SerialNumberFormat(mask="00:0*").problem("12;3ü")


@pytest.mark.parametrize(
    ("expected", "case"),
    [
        ("AB", "upper"),
        ("AB", "UPPERCASE"),
        ("ab", "lower"),
        ("ab", "lowercase"),
        ("aB", None),
        ("aB", ""),
        ("aB", "any"),
    ],
)
def test_case_is_read_tolerantly(expected: str, case: str | None) -> None:
    """How the service writes the two cases is not documented; another word forces nothing."""
    assert expected == SerialNumberFormat(mask="AA", case=case).stored("aB")


def test_a_network_takes_its_own_devices() -> None:
    """A device of the network, with a serial number as it wants it, is right."""
    network = Network(id="n", name="LoRaWAN", serial_number=EUI)

    network.check(device(serie_number="0886AB56"))
    error = refusal(network.check, device())
    assert ("serie_number", "is required by the network LoRaWAN") == (error.path, error.message)
    error = refusal(network.check, device(serie_number="0886"))
    assert ("serie_number", "has 4 characters, the mask FF-FF-FF-FF requires 8") == (
        error.path,
        error.message,
    )


def test_a_network_refuses_others_devices() -> None:
    """A device of another network is not checked by this one's rules."""
    error = refusal(Network(id="m").check, device())

    assert ("network", "is not the network m") == (error.path, error.message)


@pytest.mark.parametrize("serial", [None, SerialNumberFormat(mask="0000")])
def test_a_serial_number_may_be_left_out(serial: SerialNumberFormat | None) -> None:
    """A network that does not require one takes a device without."""
    Network(id="n", serial_number=serial).check(device())


def test_a_connector_knows_its_networks() -> None:
    """A device's network must be one of its connector's."""
    connector = Connector(id="c", name="Meter", networks=("m", "o"))
    error = refusal(connector.check, device())

    assert ("network", "is not supported by the connector Meter", "Use one of m, o") == (
        error.path,
        error.message,
        error.hint,
    )
    assert "connector" == refusal(Connector(id="d").check, device()).path
    Connector(id="c", networks=("m", "n")).check(device())
    Connector(id="c").check(device())
