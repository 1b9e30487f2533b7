"""The TagoIO device service on loopback: its routes, its limits, its refusals.

It is written from the service's reference and shares no code with the client, so that one mistake
can't hide in both; of the package it takes the documented figures only.

Assumptions
-----------

The reference leaves open what follows; this is what the emulator does.

- **Counting.** A request counts in the window in which its head arrives, whatever is answered to
  it later, even a denied permission; a request without a known token, to an unknown route, or
  answered with 429 does not count. Windows begin with each whole minute of the server's clock,
  which the ``Date`` header shows too.
- **Tokens.** A token is looked for in all header names the sources mention, with or without its
  kind's prefix, never after ``Bearer``. An unknown token is told back in the message, as an
  official test of the cloud has it. A device token may ask for ``/info`` if it may read.
- **Not found** is 404 ``Device Not Found``, ``Token Not Found``, ``Profile Not Found``; an unknown
  route, or a known one with another method, is 404 ``Route Not Found``.
- **Refused values** are 400 with a sentence a field. Texts of caps follow the one the service is
  known to use for files: ``You have exceeded the maximum limit of Device (5)``. A serial number
  that stands on another token of the profile is refused.
- **Creating.** Names have 1 to 100 characters. ``null`` means absent. ``legacy`` devices are
  refused, since an emulated profile never has another one. A network and a connector may be any
  id.
- **Editing.** Fields that can't be edited are accepted with the value they have, since the
  service's command line sends back what it read; ``serie_number`` is ignored, since it belongs to
  a token. Parameters keep their id if they are sent with it.
- **Listing.** Texts match in any letter case and ``*`` is any run, in names, tag keys and tag
  values; dates are filtered as "since"; an unknown filter is refused rather than ignored; a device
  without a date stands last.
- **Relative times** have months of 30 and years of 365 days. A token without ``expire_time`` never
  expires, and is read back with null.
- **Protection tags** ``_delete_protection_`` and ``_deletion_protection`` both make deleting a 400
  with the tag's value.
"""

from __future__ import annotations

from tagodev.emulator.app import Emulator, serve
from tagodev.emulator.options import EmulatorOptions
from tagodev.emulator.process import EmulatorProcess

__all__ = ["Emulator", "EmulatorOptions", "EmulatorProcess", "serve"]
