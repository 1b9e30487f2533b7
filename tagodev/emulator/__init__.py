"""The TagoIO device service on loopback: its routes, its limits, its refusals.

It is written from the service's reference and shares no code with the client, so that one mistake
can't hide in both; of the package it takes the documented figures only.

Assumptions
-----------

The reference leaves open what follows; this is what the emulator does.
`tagodev.emulator.variants` has another way of some of it.

- **Counting.** A request counts in the window in which its head arrives, whatever is answered to
  it later, even a denied permission; a request without a known token, to an unknown route, or
  answered with 429 does not count. Windows begin with each whole minute of the server's clock,
  which the ``Date`` header shows too.
- **Tokens.** A token is looked for in all header names the sources mention, with or without its
  kind's prefix, never after ``Bearer``. An unknown token is told back in the message, as an
  official test of the cloud has it. A device token may ask for ``/info`` if it may read, even
  while its device is deactivated. To write is to create and to edit; only a device token deletes
  with it, the data that it has sent.
- **Kinds of token.** An emulator begins with one of each kind but a device's, since no route makes
  an analysis token; the first network token is the public custom HTTPS network's, which may list
  its devices. An analysis token may do whatever its policies could allow: all device, tag and
  authorization routes, and reading networks and connectors. A service authorization opens
  ``/info`` only. Any password signs in, with the address that ``/account`` tells.
- **Networks and connectors.** The public ones have made-up names, and serial numbers of a LoRaWAN
  network are EUIs; who changes a public one, or asks for its tokens, is denied. Info without
  ``fields`` tells everything. Deleting takes a network's tokens along and asks no device.
- **Serial numbers** match their network's mask in any letter case and are stored without its
  hyphens; whoever looks for one must write it as it is stored. A network that requires them
  refuses a device without; a further token may go without.
- **Networks at work.** A serial number is resolved among the devices of the token's network. The
  authorization used is remembered on the device's token. Data sent by a network goes to the first
  ``metadata.serial`` in it, as there is no parser.
- **Soft limits** are those of the options, the same for each new device, and refused with the
  same 429; what one device is refused is not taken from the profile.
- **Monthly services** are not metered: their figures stand for any.
- **Tag keys** of anything but devices are none.
- **Not found** is 404 ``Device Not Found``, and so on for everything that has an id; an unknown
  route, or a known one with another method, is 404 ``Route Not Found``.
- **Refused values** are 400 with a sentence a field. Texts of caps follow the one the service is
  known to use for files: ``You have exceeded the maximum limit of Device (5)``. A serial number
  that stands on another token of the profile is refused.
- **Creating.** Names have 1 to 100 characters. ``null`` means absent. ``legacy`` devices are
  refused, since an emulated profile never has another one. A connector and a network that are
  both known must go together, of unknown ones any id will do.
- **Editing.** Fields that can't be edited are accepted with the value they have, since the
  service's command line sends back what it read; ``serie_number`` is ignored, since it belongs to
  a token. Parameters keep their id if they are sent with it.
- **Listing.** Texts match in any letter case and ``*`` is any run, in names, tag keys and tag
  values; dates are filtered as "since"; an unknown filter is refused rather than ignored; a device
  without a date stands last.
- **Parameters.** One with an id that the device has not is 404 ``Param Not Found``; a key may
  stand on several. A device may mark a parameter of its own as sent or not sent, and change
  nothing else of it. Editing them leaves the device's ``updated_at`` as it is.
- **Shared counters.** Data by a device's id is counted with ``/data`` of the same method, an
  aggregate as one and as a ``GET /data``, ``chunk/copy`` as ``chunk/backup``; a request that one
  counter turns away takes from none.
- **Sending data.** A body that is JSON is taken whatever it is called; any other, such as a text
  for a payload parser, is refused, as there is no parser. A kB has 1024 bytes. A request is kept
  as a whole or not at all. A timestamp from 100,000,000,000 on is in milliseconds; moments are
  kept in whole ones. Where nothing has been sent for a minute ``last_input`` is set, even if the
  registers don't fit; ``last_output`` is set by every reading.
- **Reading data.** Variables are looked for in lower case. ``qty`` is at most 10,000, the excess
  being left out; it binds intervals only if it is given, and the modes that give one of each
  variable not at all. Several variables come as one list by time. Only numbers are compared,
  summed up or averaged, never text that looks like one; of none at all the sum is 0. Intervals
  begin with the calendar's, and those without a number are left out. A relative ``end_date`` lies
  ahead. Reading by ``/device/:id/data`` works while the device is deactivated; sending does not.
- **Editing data.** Unknown ids are passed over and not counted; null takes away. ``metadata`` is
  replaced as a whole. Deleting is seen at once.
- **Hybrid devices** without an expression have all their data in chunks. Of their data only the
  side that can be edited is deleted; naming a variable of the other is refused.
- **Chunks** are the spans that hold data, weeks beginning on Monday; retention bounds what is sent,
  and removes nothing later. A mutable device's list of them is empty. Their number of registers
  has no cap.
- **Files.** Exports are written at once, to a place that only an import reads; the service's bound
  of 200 MB is not kept. The columns are ``variable, value, unit, group, time, lat, lng,
  metadata``; a value that looks like a number is read as one. An import is refused as a whole, and
  at once, where the service would tell of it later. ``headers`` is false where it is not sent.
  ``$ORGID$`` is the profile's id and ``$ENVIRONMENT$`` is ``emulator``.
- **Statistics** need no add-on. An item stands at the beginning of its hour, day or month and tells
  what its month had come to at its end; the first one stands at the present, if that is asked for.
- **Converting** is refused with the documentation's sentences.
- **Relative times** have months of 30 and years of 365 days. A token without ``expire_time`` never
  expires, and is read back with null.
- **Protection tags** ``_delete_protection_`` and ``_deletion_protection`` both make deleting a 400
  with the tag's value.
"""

from __future__ import annotations

from tagodev.emulator.http.app import Emulator, serve
from tagodev.emulator.options import EmulatorOptions
from tagodev.emulator.process import EmulatorProcess

__all__ = ["Emulator", "EmulatorOptions", "EmulatorProcess", "serve"]
