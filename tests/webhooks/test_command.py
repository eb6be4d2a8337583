"""The command line shows the addresses, and serves them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from typer.testing import CliRunner

from crossdock.cli import app
from tests.webhooks.conftest import World
from tests.webhooks.test_feed import keep, order


def test_the_list_says_what_waits(world: World) -> None:
    keep(world, order(1))
    made = json.loads(CliRunner().invoke(app, ["webhooks", "list", "--json"]).stdout)
    assert made == [
        {
            "path": "/webhooks/shop/orders",
            "signature": "shopify",
            "reconcile": "every run",
            "waiting": 1,
            "landed": 0,
        }
    ]
    shown = CliRunner().invoke(app, ["webhooks", "list"]).stdout
    assert "/webhooks/shop/orders" in shown
    world.say(reconcile=False, because="it is a test")
    assert "never" in CliRunner().invoke(app, ["webhooks", "list"]).stdout


def test_serve_listens_until_told_to_stop(world: World) -> None:
    command = [sys.executable, "-m", "crossdock.cli", "webhooks", "serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=dict(os.environ), bufsize=1
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listens for /webhooks/shop/orders (shopify)\n"
        process.terminate()
        assert process.wait(60) in {0, -15, 143}
