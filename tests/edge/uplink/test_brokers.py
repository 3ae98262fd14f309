"""The whole way over each broker: everything arrives once, also when the broker is killed and forgets all it knew."""

from __future__ import annotations

import asyncio
import json

from tests.edge.outbox.bench import BEGIN_MS, draft, rows
from tests.edge.uplink.bench import Centre, carrying, kept, until


async def test_everything_arrives_once_and_is_acknowledged(outbox, mqtt_broker):
    centre = Centre(mqtt_broker.broker)
    centre.start()
    # NATS can lose a retained message to a subscription that is made in the same moment: neither is it routed, nor is it kept yet
    await until(lambda: centre.subscribed)
    outbox.commit([draft(n=n, size=200) for n in range(300)] + [draft("eddy", n) for n in range(20)])
    async with carrying(outbox, mqtt_broker.broker, uplink={"backlog_records_per_s": 5000}):
        await until(lambda: centre.got.keys() == kept(outbox), 90.0)  # a batch that met no subscription yet comes again after 30 s
        await until(lambda: outbox.stats().depth == 0)
        outbox.commit([draft("tide", 1)])
        await until(lambda: outbox.stats().depth == 0)
        await until(lambda: centre.heard["birth"])
    assert (centre.conflicts, centre.doubles) == (0, 0)
    bodies = {key: json.dumps(json.loads(body), sort_keys=True).encode() for key, body in rows(outbox.folder).items()}
    assert centre.got == bodies
    first = centre.heard["birth"][0]
    assert (first["epoch"], first["boot_id"]) == (outbox.epoch, outbox.boot_id)
    await until(lambda: centre.heard["state"][-1]["state"] == "stopping")
    assert centre.heard["state"][0] == {"state": "online", "t": BEGIN_MS, "simulated": True}
    centre.stop()


async def test_broker_killed_with_its_state_wiped_again_and_again(outbox, mqtt_broker):
    centre = Centre(mqtt_broker.broker)
    centre.start()
    n = 0
    # what a wiped broker takes before the centre has subscribed again is gone: it is sent again, and must be before anybody's patience ends
    async with carrying(outbox, mqtt_broker.broker, uplink={"backlog_records_per_s": 5000}, resend_after_s=5.0):
        for _ in range(3):
            for _ in range(5):
                outbox.commit([draft("minute", n + i) for i in range(20)])
                n += 20
                await asyncio.sleep(0)
            await until(lambda half=n // 2: len(centre.got) > half)
            mqtt_broker.kill()
            mqtt_broker.wipe()
            outbox.commit([draft("eddy", n), draft("event", n)])
            mqtt_broker.start()
        await until(lambda: centre.got.keys() == kept(outbox))
        await until(lambda: outbox.stats().depth == 0)
    assert centre.conflicts == 0
    centre.stop()
