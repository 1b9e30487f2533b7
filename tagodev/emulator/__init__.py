"""Emulator of the TagoIO device service on loopback: its routes, limits and errors.

It follows the service's reference and shares no code with the client, so that one mistake can't
hide in both; from the package it imports the documented figures only.

Assumptions
-----------

The reference leaves the following open. This is what the emulator does;
`tagodev.emulator._variants` has alternatives for some of it.

- **Counting.** A request counts in the window in which its head arrives, whatever the answer is,
  even a denied permission. A request without a known token, to an unknown route, or answered with
  429 does not count. Windows begin with each whole minute of the server's clock, which the ``Date``
  header shows too.
- **Web pages.** A request for another host than this machine is 403 and does not count. Control
  routes refuse a request with an ``Origin``.
- **Tokens.** A token is accepted in all header names that the sources mention, with or without the
  prefix of its kind, never after ``Bearer``. An unknown token is repeated in the message, as in an
  official test of the cloud. A device token may use ``/info`` if it may read, even while its device
  is deactivated. The write permission covers creating and editing; only a device token may delete
  with it, namely the data that it has sent.
- **Kinds of token.** An emulator starts with one token of each kind except device tokens, since no
  route creates an analysis token. The first network token belongs to the public custom HTTPS
  network and may list its devices. An analysis token may do whatever its policies could allow: all
  device, tag and authorization routes, and reading networks and connectors. A service
  authorization opens ``/info`` only. Any password signs in, with the address that ``/account``
  returns.
- **Networks and connectors.** The public ones have made-up names, and serial numbers of a LoRaWAN
  network are EUIs. Changing a public one, or reading its tokens, is denied. ``/info`` without
  ``fields`` returns everything. Deleting a network deletes its tokens, whether or not it has
  devices.
- **Serial numbers** match their network's mask in any letter case and are stored without its
  hyphens; queries must use the stored form. A network that requires them refuses a device without
  one; further tokens may have none.
- **Networks at work.** A serial number is resolved among the devices of the token's network. The
  authorization used is stored on the device's token. Data sent by a network goes to the first
  ``metadata.serial`` in it, as there is no parser. A message to the MQTT relay is checked
  and not delivered.
- **Soft limits** are those of the options, the same for each new device, and refused with the
  same 429; a request that a device's limit refuses is not counted for the profile.
- **Monthly services** are not metered: their figures are examples.
- **Tag keys** of anything but devices are an empty list.
- **Not found** is 404 ``Device Not Found``, and so on for everything that has an id; an unknown
  route, or a known one with another method, is 404 ``Route Not Found``.
- **Invalid values** are 400 with one sentence per field. Texts of caps follow the one that the
  service uses for files: ``You have exceeded the maximum limit of Device (5)``. A serial number
  that another token of the profile has is refused.
- **Creating.** Names have 1 to 100 characters. ``null`` means absent. A device without network,
  connector or type is mutable and on custom HTTPS, as the introduction's example has none of them.
  ``legacy`` devices are refused, since an emulated profile never has another one. A known connector
  must support a known network; unknown ids are accepted.
- **Editing.** Read-only fields are accepted with their current value, since the service's command
  line sends back what it read; ``serie_number`` is ignored, since it belongs to a token. Parameters
  sent with an id keep it.
- **Listing.** Texts match in any letter case and ``*`` matches any characters, in names, tag keys
  and tag values. Dates are filtered as "since". An unknown filter is refused rather than ignored;
  an unknown name in ``fields`` is ignored. A device without a date sorts last.
- **Parameters.** An id that the device does not have is 404 ``Param Not Found``; several parameters
  may have the same key. A device may mark a parameter of its own as sent or not sent, and change
  nothing else. Editing parameters does not change the device's ``updated_at``.
- **Shared counters.** Data by a device's id is counted with ``/data`` of the same method, an
  aggregate both as an aggregate and as ``GET /data``, ``chunk/copy`` as ``chunk/backup``; a request
  that one counter refuses is counted by none.
- **Sending data.** A JSON body is accepted with any content type; any other body, such as a text
  for a payload parser, is refused, as there is no parser. A kB has 1024 bytes. A request is stored
  as a whole or not at all. A timestamp from 100,000,000,000 on is in milliseconds; times are
  stored in whole milliseconds. If nothing has been sent for a minute ``last_input`` is set, even if
  the registers are refused; ``last_output`` is set by every reading.
- **Reading data.** Variables are looked up in lower case. ``qty`` is at most 10,000 and capped
  there; it applies to intervals only if it is present, and not at all to the modes that return one
  register per variable. Several variables are returned as one list by time. Only numbers are
  compared, summed up or averaged, never text that looks like one; the sum of none is 0. Intervals
  begin with the calendar's, and those without a number are omitted. A relative ``end_date`` is in
  the future. Reading by ``/device/:id/data`` works while the device is deactivated; sending does
  not.
- **Editing data.** Unknown ids are skipped and not counted; null removes a field. ``metadata`` is
  replaced as a whole. Deleting takes effect at once.
- **Hybrid devices** without an expression have all their data in chunks. Only the mutable part of
  their data is deleted; naming an immutable variable is refused.
- **Chunks** are the spans that contain data; weeks begin on Monday. Retention limits what is sent,
  and removes nothing later. A mutable device has an empty list of chunks. The number of registers
  per chunk has no cap.
- **Files.** Exports are written at once, to a location that only an import reads; the service's cap
  of 200 MB does not apply. The columns are ``variable, value, unit, group, time, lat, lng,
  metadata``; a value that looks like a number is read as one. An import is refused as a whole, and
  at once, where the service would report it later. ``headers`` defaults to false. ``$ORGID$`` is
  the profile's id and ``$ENVIRONMENT$`` is ``emulator``.
- **Statistics** need no add-on. An item has the time of the start of its hour, day or month and
  the total of its month up to its end; the first one has the current time, if that is requested.
- **Converting** is refused with the documentation's sentences.
- **Relative times** have months of 30 and years of 365 days. A token without ``expire_time`` never
  expires, and is returned with null.
- **Protection tags** ``_delete_protection_`` and ``_deletion_protection`` both make deleting a 400
  with the tag's value.
"""

from __future__ import annotations

from tagodev.emulator._http.app import Emulator, serve
from tagodev.emulator._options import EmulatorOptions
from tagodev.emulator._process import EmulatorProcess

__all__ = ["Emulator", "EmulatorOptions", "EmulatorProcess", "serve"]
