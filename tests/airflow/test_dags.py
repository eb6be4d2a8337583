"""What Airflow sees when it parses: shape, words, cost."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from crossdock.errors import Misconfigured, Refused, TryLater
from tests import tiny

FLOW = tiny.FILES["config/flows/orders.yaml"]


def publish(project: Path) -> dict[str, object]:
    from crossdock.airflow import publish

    return {dag.dag_id: dag for dag in publish(project)}


def test_a_flow_is_a_dag_that_people_can_read(project: Path) -> None:
    dag = publish(project)["orders"]
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert {"crossdock", "sales_order"} <= set(dag.tags)
    assert "Orders of the till into the depot." in dag.doc_md
    assert "config/flows/orders.yaml" in dag.doc_md
    assert dag.timetable.delta == timedelta(minutes=15)


def test_tasks_retry_what_may_pass_and_announce_what_changed(project: Path) -> None:
    dag = publish(project)["orders"]
    outlets = [asset.uri for asset in dag.get_task("books").outlets]
    assert outlets == ["crossdock://entity/sales_order"]
    push = dag.get_task("push")
    assert push.retries == 3
    assert dag.get_task("gate").upstream_task_ids >= {"check", "pull"}
    assert dag.get_task("books").upstream_task_ids >= {"push"}
    assert dag.get_task("books").trigger_rule == "all_done"


def test_patience_follows_the_errors_name() -> None:
    from crossdock.airflow import Patience

    ask = Patience().evaluate
    later = ask(TryLater("busy", after=7.0), 1, 3)
    assert (later.action.value, later.retry_delay) == ("retry", timedelta(seconds=7))
    assert ask(TryLater("busy"), 1, 3).retry_delay is None
    assert ask(Misconfigured("no key"), 1, 3).action.value == "fail"
    assert ask(Refused("stop"), 1, 3).action.value == "fail"
    assert ask(OSError("disk"), 1, 3).action.value == "default"


@pytest.mark.parametrize(
    ("every", "after", "kind"),
    [
        ("null", "[]", "NullTimetable"),
        ('"30 seconds"', "[]", "DeltaTriggerTimetable"),
        ('"5 3 * * 1"', "[]", "CronTriggerTimetable"),
        ("null", "[sales_order]", "AssetOrTimeSchedule"),
        ('"1 day"', "[sales_order, product]", "AssetOrTimeSchedule"),
    ],
)
def test_when_a_flow_runs(project: Path, every: str, after: str, kind: str) -> None:
    text = FLOW.replace("every: 15 minutes", f"every: {every}\nafter: {after}")
    (project / "config/flows/orders.yaml").write_text(text, encoding="utf-8")
    assert type(publish(project)["orders"].timetable).__name__ == kind


def test_one_wrong_flow_does_not_hide_the_others(project: Path) -> None:
    wrong = FLOW.replace("every: 15 minutes", "every: whenever")
    (project / "config/flows/wrong.yaml").write_text(wrong, encoding="utf-8")
    (project / "config/flows/worse.yaml").write_text("legs: {", encoding="utf-8")
    dags = publish(project)
    assert set(dags) == {"orders", "worse", "wrong"}
    assert "misconfigured" in dags["wrong"].tags
    assert "whenever" in dags["wrong"].doc_md
    assert "misconfigured" in dags["worse"].tags


def test_parsing_imports_nothing_heavy(project: Path) -> None:
    code = (
        "import json, sys; from pathlib import Path; import airflow.sdk; import crossdock.airflow\n"
        "before = set(sys.modules); crossdock.airflow.publish(Path(sys.argv[1]))\n"
        "heavy = ['pandas', 'great_expectations', 'connectors', 'pyarrow', 'zeep', 'paramiko']\n"
        "print(json.dumps([m for m in heavy if m in sys.modules and m not in before]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(project)], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_parsing_is_cheap(project: Path) -> None:
    from crossdock import flows
    from crossdock.home import Home

    folder = project / "config/flows"
    for number in range(100):
        (folder / f"orders_{number:03}.yaml").write_text(FLOW, encoding="utf-8")
    home = Home.find(project)
    flows.load(home, "orders")  # what is imported once is not counted
    best = 60.0
    for _ in range(3):
        start = time.process_time()
        for number in range(100):
            flows.load(home, f"orders_{number:03}").doc()
        best = min(best, time.process_time() - start)
    assert best < 0.1, "on top of what Airflow itself needs for a DAG"
