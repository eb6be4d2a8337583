"""Each big dependency has one door; imports point one way."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DOORS = {
    "airflow": {"crossdock/airflow.py"},
    "great_expectations": {"crossdock/expectations.py"},
    "zeep": {"crossdock/soap/"},
    "paramiko": {"crossdock/sftp.py"},
    "pydifact": {"crossdock/edi/edifact.py"},
    "alembic": {"crossdock/store/"},
    "psycopg": {"crossdock/store/", "crossdock/sql/", "crossdock/sandbox/"},
    "adbc_driver_postgresql": {"crossdock/store/bulk.py", "crossdock/sql/"},
    "adbc_driver_manager": {"crossdock/store/bulk.py", "crossdock/sql/"},
    "tenacity": {"crossdock/retry.py"},
    "requests": {"crossdock/http.py"},
    "urllib3": {"crossdock/http.py", "crossdock/connection.py"},
    "yaml": {"crossdock/yaml.py"},
    "graphql": {"crossdock/graphql.py", "crossdock/sandbox/"},
    "openpyxl": {"crossdock/excel.py"},
    "fastapi": {"crossdock/webhooks/app.py"},
    "uvicorn": {"crossdock/webhooks/serve.py", "crossdock/as2/serve.py"},
    "asn1crypto": {"crossdock/as2/cms.py"},
    "asyncssh": {"crossdock/sandbox/"},
    "rich": {"crossdock/commands/", "crossdock/demo.py"},
    "typer": {"crossdock/cli.py", "crossdock/commands/", "crossdock/edi/", "crossdock/pages.py"},
}
"""Who may import what; a folder ends with a slash."""

NEVER = {
    "adbc_driver_sqlite": "its own copy of SQLite drops the locks of ours: committed rows vanish",
    "pickle": "it runs what it reads",
    "shelve": "it runs what it reads",
    "marshal": "it runs what it reads",
    "httpx": "there is one HTTP door, crossdock/http.py",
    "aiohttp": "there is one HTTP door, crossdock/http.py",
}

STEPS = {"pull", "map", "check", "resolve", "push"}


def modules() -> list[Path]:
    found = [*ROOT.glob("crossdock/**/*.py"), *ROOT.glob("connectors/**/*.py")]
    return sorted(path for path in found if "content" not in path.relative_to(ROOT).parts)


@functools.cache
def imports(path: Path, *, typing: bool = False) -> frozenset[str]:
    """Name everything that ``path`` imports, lazily or not."""
    return frozenset(_imports(path, typing))


def _imports(path: Path, typing: bool) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    hidden = set() if typing else _only_for_types(tree)
    for node in ast.walk(tree):
        if node in hidden:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def _only_for_types(tree: ast.Module) -> set[ast.AST]:
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            found.update(ast.walk(node))
    return found


def place(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("package", sorted(DOORS))
def test_one_door(package: str) -> None:
    doors = DOORS[package]
    strangers = [
        place(path)
        for path in modules()
        if any(name.split(".")[0] == package for name in imports(path))
        and not any(place(path) == door or place(path).startswith(door) for door in doors)
    ]
    assert not strangers, f"only {sorted(doors)} may import {package}; go through it"


@pytest.mark.parametrize("package", sorted(NEVER))
def test_never_imported(package: str) -> None:
    found = [
        place(path)
        for path in modules()
        if any(name.split(".")[0] == package for name in imports(path, typing=True))
    ]
    assert not found, f"{package}: {NEVER[package]}"


@pytest.mark.parametrize("step", sorted(STEPS))
def test_steps_do_not_import_each_other(step: str) -> None:
    paths = [*ROOT.glob(f"crossdock/{step}.py"), *ROOT.glob(f"crossdock/{step}/*.py")]
    others = {f"crossdock.{other}" for other in STEPS - {step}}
    assert paths, f"the step {step} has no module"
    for path in paths:
        assert not others & imports(path), f"{place(path)} must not know another step"


@pytest.mark.parametrize("path", modules(), ids=place)
def test_imports_point_one_way(path: Path) -> None:
    names = imports(path)
    above = {
        "crossdock.cli": {"crossdock/pages.py"},
        "crossdock.commands": {
            "crossdock/cli.py",
            "crossdock/commands/",
            "crossdock/demo.py",
            "crossdock/real/play.py",
            "crossdock/bench.py",
        },
        "crossdock.airflow": {"crossdock/systems.py"},
        "crossdock.flow": {"crossdock/airflow.py", "crossdock/closing.py", "crossdock/commands/"},
        "crossdock.sandbox": {
            "crossdock/sandbox/",
            "crossdock/bundled.py",
            "crossdock/testing/",
            "crossdock/commands/connector.py",
            "crossdock/commands/edi_partners.py",  # a partner is rehearsed before going live
            "crossdock/bench.py",
            "crossdock/systems.py",  # starts what an example system needs
        },
    }
    for module, allowed in above.items():
        used = module in names or any(name.startswith(f"{module}.") for name in names)
        if used and not any(place(path) == one or place(path).startswith(one) for one in allowed):
            pytest.fail(f"{place(path)} imports {module}, which stands above it")


@pytest.mark.parametrize("path", sorted(ROOT.glob("connectors/*.py")), ids=place)
def test_connectors_import_from_crossdock_only(path: Path) -> None:
    import sys

    known = {"crossdock", "pyarrow", *sys.stdlib_module_names}
    strangers = {name for name in imports(path) if name.split(".")[0] not in known}
    assert not strangers, "a connector uses Crossdock's doors, and no other connector"


def test_errors_and_model_stand_at_the_bottom() -> None:
    for path in [ROOT / "crossdock/errors.py", *ROOT.glob("crossdock/model/*.py")]:
        ours = {name for name in imports(path) if name.startswith("crossdock.")}
        low = ("crossdock.errors", "crossdock.model", "crossdock.documents", "crossdock.yaml")
        assert all(name.startswith(low) for name in ours), f"{place(path)} imports {ours}"


def test_the_dag_file_stays_small() -> None:
    lines = (ROOT / "dags" / "flows.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 15
    assert any("airflow" in line for line in lines), "Airflow's safe mode looks for the word"
    assert any("dag" in line.lower() for line in lines), "Airflow's safe mode looks for the word"
