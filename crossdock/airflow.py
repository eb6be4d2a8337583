"""Flows as Airflow DAGs. The one door to Airflow.

Airflow gives calendar, retries, parallel batches and a picture; it decides nothing and holds
nothing. What travels between its tasks is the id of a batch. Parsing this file's DAGs reads YAML
and imports neither pandas, nor Great Expectations, nor a connector.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import (
    DAG,
    Asset,
    AssetAny,
    AssetOrTimeSchedule,
    BaseHook,
    CronTriggerTimetable,
    DeltaTriggerTimetable,
    RetryDecision,
    RetryPolicy,
    TriggerRule,
    get_current_context,
    get_parsing_context,
    task,
    task_group,
)
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from crossdock.errors import CrossdockError, Misconfigured, Refused, TryLater

if TYPE_CHECKING:
    from crossdock.flows import Flow

log = logging.getLogger(__name__)

RETRIES = 3
RETRY_DELAY = timedelta(minutes=1)
SWEEP = timedelta(hours=1)
"""How often a flow that follows others runs although no asset woke it.

An asset event is a wake-up and never the message: Airflow may strand events that come in a burst.
"""


class Patience(RetryPolicy):  # type: ignore[misc]
    """Retry what may succeed later, and wait as long as the other side asked for."""

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Answer by the error's name: TryLater again, others of ours never, the rest as usual."""
        if isinstance(exception, TryLater):
            after = None if exception.after is None else timedelta(seconds=exception.after)
            return RetryDecision.retry(after, reason=str(exception))
        if isinstance(exception, CrossdockError):
            return RetryDecision.fail(reason=str(exception))
        return RetryDecision.default()


def asset(entity: str) -> Asset:
    """Give the asset that stands for an entity of the canonical model."""
    return Asset(name=f"crossdock.{entity}", uri=f"crossdock://entity/{entity}", group="crossdock")


def connection_value(address: str) -> str:
    """Read one part of an Airflow connection: ``erp_login.password``, ``erp_login.extra.token``.

    Raises Misconfigured when Airflow, asked from this process, knows no such connection or part.
    """
    name, _, part = address.partition(".")
    try:
        connection = BaseHook.get_connection(name)
    except Exception:  # noqa: BLE001 - a secrets backend may raise anything
        raise Misconfigured(
            f"Airflow gives this process no connection {name!r}",
            fix=f"add it in Airflow, or export AIRFLOW_CONN_{name.upper()}",
        ) from None
    if part.startswith("extra."):
        value = connection.extra_dejson.get(part.removeprefix("extra."))
    elif part in {"password", "login", "host", "port", "schema"}:
        value = getattr(connection, part)
    else:
        raise Misconfigured(
            f"{address!r} names no part of a connection",
            fix="write id.password, id.login, id.host, id.port, id.schema or id.extra.<key>",
        )
    if value in (None, ""):
        raise Misconfigured(f"the connection {name!r} has no {part}", fix="fill it in in Airflow")
    return str(value)


def publish(root: Path) -> list[DAG]:
    """Publish each ``config/flows/*.yaml`` under the project ``root`` as a DAG of the same name.

    A flow whose YAML is wrong becomes a DAG that fails with the reason, so that one mistake stops
    neither the other flows nor goes unseen. Inside a task only the DAG that runs is built.
    """
    wanted = get_parsing_context().dag_id
    names = sorted(path.stem for path in (root / "config" / "flows").glob("*.yaml"))
    return [_publish(root, name) for name in names if wanted in (None, name)]


def _publish(root: Path, name: str) -> DAG:
    from crossdock import flows
    from crossdock.home import Home

    os.environ["CROSSDOCK_PROJECT"] = str(root)  # what the tasks of this process will find
    try:
        return _dag(flows.load(Home.find(root), name))
    except Misconfigured as error:
        return _broken(name, error)


def _dag(flow: Flow) -> DAG:
    with DAG(
        flow.name,
        description=flow.about or None,
        doc_md=flow.doc(),
        schedule=_schedule(flow.every, flow.after),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["crossdock", *flow.entities],
        default_args={
            "owner": flow.owner,
            "retries": RETRIES,
            "retry_delay": RETRY_DELAY,
            "retry_policy": Patience(),
            # a batch that is through its gate is delivered before the next one is resolved
            "weight_rule": "upstream",
        },
    ) as dag:
        _steps(flow)
    return dag


def _steps(flow: Flow) -> None:
    """Lay out pull → (map → check) per batch → gate → (resolve → push) per batch → books."""
    batches: Any = task(task_id="pull")(_pull)(flow.name)

    def before(batch: str) -> None:
        _mapped("map", _map)(batch) >> _mapped("check", _check)(batch)

    def behind(batch: str) -> None:
        _mapped("resolve", _resolve)(batch) >> _mapped("push", _push)(batch)

    first: Any = task_group(group_id="each_batch", prefix_group_id=False)(before)
    look = task(task_id="gate", trigger_rule=TriggerRule.NONE_FAILED)(_gate)
    gate: Any = look(flow.name, batches)
    second: Any = task_group(group_id="each_passed_batch", prefix_group_id=False)(behind)
    books: Any = task(
        task_id="books",
        trigger_rule=TriggerRule.ALL_DONE,
        outlets=[asset(entity) for entity in flow.entities],
    )(_books)(flow.name, batches)
    first.expand(batch=batches) >> gate >> second.expand(batch=batches) >> books


def _mapped(name: str, step: Any) -> Any:
    return task(task_id=name, map_index_template="{{ batch_name }}")(step)


def _schedule(every: str | None, after: Sequence[str]) -> Any:
    timetable = _timetable(every)
    if not after:
        return timetable
    wake = AssetAny(*(asset(entity) for entity in after))
    return AssetOrTimeSchedule(assets=wake, timetable=timetable or DeltaTriggerTimetable(SWEEP))


def _timetable(every: str | None) -> Any:
    """Turn ``15 minutes`` or five cron fields (UTC) into Airflow's own.

    Raises Misconfigured for what is neither.
    """
    if every is None:
        return None
    number, _, unit = every.partition(" ")
    unit = unit if unit.endswith("s") else f"{unit}s"
    if number.isdigit() and int(number) and unit in {"seconds", "minutes", "hours", "days"}:
        return DeltaTriggerTimetable(timedelta(**{unit: int(number)}))
    if len(every.split()) == 5:
        return CronTriggerTimetable(every, timezone="UTC")
    raise Misconfigured(
        f"every: {every!r} is no interval", fix="write '15 minutes' or five cron fields in UTC"
    )


def _broken(name: str, error: Misconfigured) -> DAG:
    def explain() -> None:
        raise error

    with DAG(
        name,
        description=f"misconfigured: {error}",
        doc_md=f"### This flow cannot run\n\n{error}\n",
        schedule=DeltaTriggerTimetable(SWEEP),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        tags=["crossdock", "misconfigured"],
    ) as dag:
        task(task_id="misconfigured", retry_policy=Patience())(explain)()
    return dag


# -- what the tasks run; each reads a batch's id and finds everything else in the store ---------


def _pull(flow: str) -> list[str]:
    from crossdock import flow as engine

    batches: list[str] = engine.pull(flow, get_current_context()["run_id"])
    return batches


def _map(batch: str) -> None:
    _step("map", batch)


def _check(batch: str) -> None:
    _step("check", batch)


def _resolve(batch: str) -> None:
    _step("resolve", batch)


def _push(batch: str) -> None:
    _step("push", batch)


def _step(verb: str, batch: str) -> None:
    from crossdock import flow as engine

    context = get_current_context()
    context["batch_name"] = batch.rsplit("/", 1)[-1]
    engine.work_as(context["run_id"])
    getattr(engine, verb)(batch)


def _gate(flow: str, batches: list[str] | None) -> None:
    from crossdock import flow as engine

    run = _run_id(flow, batches)
    try:
        engine.gate(run)
    except Refused as error:
        _stop(run, error)
        raise


def _books(flow: str, batches: list[str] | None) -> None:
    """Close the run: red when the books do not balance or when a step before failed for good.

    A run that failed before it was resolved is not closed but stops; the flow's next run goes on
    with it. When nothing came in the task is skipped, so that no flow that follows this one wakes.
    """
    from crossdock import flow as engine

    failed = _failed()
    if set(failed) - {"push"}:
        names = ", ".join(failed)
        if "pull" not in failed and "gate" not in failed:
            _stop(_run_id(flow, batches), TryLater(f"{names} failed"))
        raise AirflowFailException(f"{names} failed; the flow's next run goes on from there")
    books = engine.close(_run_id(flow, batches))
    log.warning("%s", books.summary())
    if failed or books.exit_status == 1 or not books.balanced:
        raise AirflowFailException(books.summary())
    if not batches:
        raise AirflowSkipException(f"{flow}: nothing new came in")


def _run_id(flow: str, batches: list[str] | None) -> str:
    from crossdock import flow as engine

    engine.work_as(get_current_context()["run_id"])
    return engine.run_of(batches[0]) if batches else engine.open_run(flow)


def _stop(run: str, error: CrossdockError) -> None:
    """Remember why the run stopped, and give its lease back."""
    from crossdock.closing import interrupted
    from crossdock.home import Home
    from crossdock.store import open_store

    interrupted(open_store(Home.find()), run, error)


def _failed() -> list[str]:
    """Name the steps of this run that failed, each once however many batches it failed for."""
    context = get_current_context()
    states = context["ti"].get_task_states(
        dag_id=context["dag"].dag_id, run_ids=[context["run_id"]]
    )
    # a task that waited in vain for one of these is upstream_failed, which tells nobody anything
    tasks = [task for run in states.values() for task, state in run.items() if state == "failed"]
    return sorted({task.partition("_")[0] for task in tasks})  # push_17 is push of batch 17
