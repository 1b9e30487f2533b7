"""Create the devices of a site with progress, and delete them again.

Run it against an emulator::

    tagodev emulator --plan starter --minute 6     # prints TAGOIO_API and TAGOIO_TOKEN
    python examples/provision.py 6

and beside a web backend that uses the same profile, with the ledger of both::

    python examples/provision.py 6 site.ledger
"""

from __future__ import annotations

import asyncio
import sys

from tagodev import Created, DeviceCreate, HardLimits, SqliteLedger, Tag, Tago

#: Requests per window reserved for interactive calls.
RESERVE = 50


async def main(minute: float, path: str = "") -> None:
    """Create 300 devices of a site and delete them."""
    devices = [
        DeviceCreate(name=f"Cold room {number}", tags=[Tag("site", "7")]) for number in range(300)
    ]
    made = []
    plan = HardLimits.for_plan("starter", minute)
    ledger = SqliteLedger(path) if path else None
    async with Tago(plan=plan, ledger=ledger, reserve=RESERVE) as tago:
        async with tago.devices.create_many(devices) as run:
            async for outcome in run:
                if isinstance(outcome, Created):
                    made.append(outcome.result.device_id)
                else:
                    print(outcome)
        print(f"{run.report.done} made in {run.report.elapsed:.1f} s")
        report = await tago.devices.delete_many(made)
        print(f"{report.done} deleted in {report.elapsed:.1f} s")
        print(f"{sum(state.rejected for state in tago.limits.snapshot())} rejected")


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0, *sys.argv[2:3]))
