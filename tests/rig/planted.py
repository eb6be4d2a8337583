"""Bugs to plant in a copy of the engine, each one a change of a few lines that tests may pass."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.rig.attempts import ROOT


@dataclass(frozen=True)
class Bug:
    """``changes`` are (file, old text, new text); ``worlds`` are those where it can show."""

    name: str
    changes: Sequence[tuple[str, str, str]]
    worlds: Sequence[str] = ("keys", "lookup")

    def plant(self, folder: Path) -> Path:
        """Copy the engine into ``folder`` and change it there; gives the folder to import from.

        Raises AssertionError, with the file and the text, where the engine has moved on.
        """
        ignore = shutil.ignore_patterns("__pycache__")
        for name in ("crossdock", "connectors"):
            shutil.copytree(ROOT / name, folder / name, ignore=ignore)
        for name, old, new in self.changes:
            path = folder / name
            text = path.read_text("utf-8")
            places = text.count(old)
            assert places == 1, f"{self.name}: anchor it anew, {places} in {name} of {old!r}"
            path.write_text(text.replace(old, new), encoding="utf-8")
        return folder


BUGS = (
    Bug(
        "the cursor moves before what was read is kept",
        [(
            "crossdock/pull.py",
            "        taken = [\n            _batches(",
            "        with store.writing() as early:\n"
            "            if after is not None and after != before:\n"
            "                from crossdock.pulled import move_cursor\n"
            "                move_cursor(early, flow, leg, after, run, datetime.now(UTC))\n"
            "        taken = [\n            _batches(",
        )],
    ),
    Bug(
        "a send is booked as delivered before it happens",
        [(
            "crossdock/push.py",
            "        with sending(self.world.now, until):\n            outcomes",
            '        names = rows["document_key"].to_pylist()\n'
            '        hopes = [Outcome(name, "delivered") for name in names]\n'
            "        with self.store.writing() as early:\n"
            "            receipts.settle(early, self.store, self.run, self.target.route,\n"
            "                            self.target.stream, rows, hopes, amounts,\n"
            "                            batch_id=self.batch_id, claim=self.lease[1],\n"
            "                            now=self.world.now())\n"
            "        with sending(self.world.now, until):\n            outcomes",
        )],
    ),
    Bug(
        "each try has an idempotency key of its own",
        [(
            "crossdock/push.py",
            "            Parcel(reference, key, operation, body, their_id)",
            "            Parcel(reference, key + secrets.token_hex(4), operation, body, their_id)",
        )],
        ("keys",),
    ),
    Bug(
        "documents and outbox are written in two transactions",
        [
            (
                "crossdock/resolve/__init__.py",
                "        held.write(work)\n",
                "        mine = schema.batch.c.id == batch_id\n"
                "        connection.execute(schema.batch.update().where(mine).values(\n"
                "            state=\"resolved\", steps=json.dumps(dict(checked.steps))))\n"
                "        connection.exec_driver_sql(\"COMMIT\")\n"
                "        connection.exec_driver_sql(\"BEGIN IMMEDIATE\")\n"
                "        held.write(work)\n",
            ),
        ],
    ),
    Bug(
        "a bad record is dropped",
        [(
            "crossdock/resolve/held.py",
            "    bulk.insert(work.connection, schema.hold, "
            "_holds(work, records[starts], first, holds))\n",
            "    work.state[records[starts]] = \"rejected\"\n",
        )],
    ),
    Bug(
        "nobody looks before a create is repeated",
        [(
            "crossdock/push.py",
            'if stream.delivery == "lookup_before_create":\n                creates',
            "if False:\n                creates",
        )],
        ("lookup",),
    ),
    Bug(
        "the fencing number is not looked at",
        [
            (
                "crossdock/store/engine.py",
                "    if row is None or row.fence != fence or not row.holder:",
                "    if row is None:",
            ),
            ("crossdock/worker.py", "    return not _me or holder in _me", "    return True"),
        ],
        ("keys", "hook"),
    ),
    Bug(
        "a hold does not say which version it holds",
        [(
            "crossdock/resolve/held.py",
            '            "version_id": pa.array(work.version_id[rows]),',
            '            "version_id": pa.nulls(size, pa.int64()),',
        )],
    ),
    Bug(
        "a receipt does not remember what was agreed on",
        [(
            "crossdock/receipts.py",
            "    _bind(connection, run, route, done[\"id\"])\n",
            "",
        )],
    ),
    Bug(
        "a late call takes the place of a newer version",
        [(
            "crossdock/webhooks/feed.py",
            "            elif by_call[row] and order < known:",
            "            elif False:",
        )],
        ("hook",),
    ),
    Bug(
        "what a dead worker was sending is taken for delivered",
        [(
            "crossdock/push.py",
            '.values(state="pending", claim=None)',
            '.values(state="delivered", claim=None)',
        )],
    ),
    Bug(
        "what a dead attempt read is taken for what this one read",
        [("crossdock/pull.py", '{"raw": news}, anew=True)', '{"raw": news})')],
    ),
    Bug(
        "what cannot be asked about is sent again",
        [("crossdock/push.py", '            if delivery == "none":\n                receipts',
          '            if delivery == "never":\n                receipts')],
        ("blind",),
    ),
    Bug(
        "money is counted as binary fractions",
        [(
            "crossdock/amounts.py",
            "    numbers = pc.if_else(good, words, pa.scalar(None, pa.string())).cast(AMOUNT)",
            "    floats = pc.if_else(good, words, pa.scalar(None, pa.string()))"
            ".cast(pa.float64())\n"
            "    cents = pc.floor(pc.multiply(pc.multiply(floats, 1.1), 90.9))\n"
            "    numbers = pc.divide(cents, 100.0).cast(AMOUNT, safe=False)",
        )],
    ),
    Bug(
        "a file is archived before it is landed",
        [(
            "crossdock/pull.py",
            "        taken = [\n            _batches(",
            "        for landed in pages:\n"
            "            if landed.page is not None:\n"
            "                feed.landed(landed.page)\n"
            "        taken = [\n            _batches(",
        )],
        ("edi",),
    ),
    Bug(
        "a file has its name while it is being written",
        [(
            "crossdock/sftp.py",
            '        part = _path(folder, f".{name}.crossdock.part")',
            "        part = _path(folder, name)",
        )],
        ("hook",),
    ),
    Bug(
        "a call is answered before it is kept",
        [(
            "crossdock/webhooks/together.py",
            "            error = await asyncio.wait_for(asyncio.shield(future), self._patience)",
            "            error = None",
        )],
        ("hook",),
    ),
)  # fmt: skip
