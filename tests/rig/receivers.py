"""Stories of a receiver of webhooks that is killed while the shop calls."""

from __future__ import annotations

import json

from crossdock.sandbox.calls import Call, Calls
from tests.rig.calls import SECRET, Hook
from tests.rig.story import Rig, Story


def places(rig: Rig) -> range:
    """The boundaries of a receiver that starts and takes a few calls."""
    rig.clean(Hook.flow)
    with rig.world(Hook.flow, bare=True) as world:
        assert isinstance(world, Hook)
        _call(rig, world, None)
        return range(1, len(rig.board.boundaries(1)) + 1)


def killed(rig: Rig, kill_at: int) -> Story:
    """Kill the receiver at ``kill_at``; whoever heard no yes calls the next receiver again."""
    normal = rig.clean(Hook.flow).first
    story = Story(Hook.flow, [kill_at])
    with rig.world(Hook.flow, bare=True) as world:
        assert isinstance(world, Hook)
        _call(rig, world, kill_at)
        rig.finish(world, story, normal)
    return story


def _call(rig: Rig, world: Hook, kill_at: int | None) -> None:
    address = f"http://127.0.0.1:{rig.engine.port}/webhooks/hooked/orders"
    sender = Calls(address, SECRET, now=rig.board.now, tries=1)
    running = rig.engine.receive(world.variables, kill_at)
    for number, body in enumerate(world.told):
        call = Call(f"call {number}", "orders", json.dumps(body).encode())
        while running is None or sender.send(call) != 200:
            if running is not None:
                rig.engine.end(running)
            running = rig.engine.receive(world.variables)
    assert running is not None
    rig.engine.end(running)
