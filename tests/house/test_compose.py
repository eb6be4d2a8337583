"""docker-compose.yml holds together, as far as can be told without a Docker engine."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z_]+)(?::?([-?])([^}]*))?\}")


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def services(page: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = page["services"]
    return found


def test_it_follows_the_compose_specification() -> None:
    done = subprocess.run(
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)],  # noqa: S607
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_images_are_pinned(services: dict[str, Any]) -> None:
    base = re.search(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.M)
    assert base
    for image in [base[1], *(service["image"] for service in services.values())]:
        tag = image.rpartition(":")[2].rstrip("}")
        assert re.match(r"\d", tag), f"{image} names no version"


def test_whom_a_service_waits_for_exists_and_can_say_that_it_is_ready(
    services: dict[str, Any],
) -> None:
    for name, service in services.items():
        for other, wish in (service.get("depends_on") or {}).items():
            assert other in services, f"{name} waits for {other}, which is not there"
            if wish["condition"] == "service_healthy":
                assert "healthcheck" in services[other], f"{other} has no healthcheck"
            if wish["condition"] == "service_completed_successfully":
                assert services[other]["restart"] == "no", f"{other} would start again and again"


def test_volumes_and_mounted_files_exist(page: dict[str, Any]) -> None:
    for name, service in page["services"].items():
        for volume in service.get("volumes", []):
            source = VARIABLE.sub(lambda found: found[3] or "", volume).split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {source}"
            else:
                assert source in page["volumes"], f"{name}: volume {source} is not declared"


def test_every_variable_has_a_default_or_stands_in_the_example() -> None:
    example = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.M))
    used = VARIABLE.findall(FILE.read_text(encoding="utf-8"))
    for name, kind, _ in used:
        assert name in example or kind == "-", f"{name} stands nowhere"
    assert example <= {name for name, _, _ in used}, "the example names what nobody reads"


def test_no_secret_is_a_literal(services: dict[str, Any]) -> None:
    secret = re.compile(r"PASSWORD|SECRET|FERNET|_URL|CONN|BACKEND", re.I)
    for name, service in services.items():
        for key, value in (service.get("environment") or {}).items():
            if secret.search(key) and ("PASSWORD" in key or "@" in str(value)):
                assert VARIABLE.search(str(value)), f"{name}: {key}"


def test_the_generated_env_fills_every_secret() -> None:
    run = ["sh", "scripts/make-env.sh"]
    pages = [
        subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    values = [dict(re.findall(r"^([A-Z_]+)=(.*)$", text, re.M)) for text in pages]
    assert all(values[0].values()), "an empty value would start a system without a password"
    secrets = [key for key, value in values[0].items() if value != values[1][key]]
    assert len(secrets) == 8
    assert len(values[0]["AIRFLOW_FERNET_KEY"]) == 44


def test_hub_and_services_read_the_same_variables(services: dict[str, Any]) -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in ROOT.glob("crossdock/**/*.py"))
    read = set(re.findall(r"environ(?:\.get\(|\[)\s*\"(CROSSDOCK_[A-Z_]+)\"", code))
    for name, service in services.items():
        for key in service.get("environment") or {}:
            if key.startswith("CROSSDOCK_") and name != "postgres":
                assert key in read, f"{name} sets {key}, which no code reads"


def test_the_project_lies_where_everyone_looks(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if not name.startswith("airflow-"):
            continue
        environment = service["environment"]
        assert environment["CROSSDOCK_PROJECT"] == "/opt/crossdock"
        assert any(mount.split(":")[-2] == "/opt/crossdock" for mount in service["volumes"])
        bundle = json.loads(environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
        assert bundle[0]["kwargs"]["path"] == "/opt/crossdock"
        assert not environment["CROSSDOCK_DATABASE_URL"].startswith("sqlite")


def test_airflow_knows_every_command_that_is_used(
    services: dict[str, Any], tmp_path: Path
) -> None:
    script = (ROOT / "docker" / "prepare.sh").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split() for line in script.splitlines() if line.startswith("airflow ")]
    commands = [service["command"] for service in services.values() if "command" in service]
    wanted = [command[1:] for command in [*commands, *lines] if command[0] == "airflow"]
    assert len(wanted) >= 7
    code = (
        "import json, sys\n"
        "from airflow.cli import cli_parser\n"
        "parser = cli_parser.get_parser()\n"
        "[parser.parse_args(words) for words in json.loads(sys.argv[1])]\n"
        "import airflow.providers.celery.executors.celery_executor as module\n"
        "assert module.app\n"
        "import psycopg2, redis\n"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__CORE__AUTH_MANAGER": services["airflow-worker"]["environment"][
            "AIRFLOW__CORE__AUTH_MANAGER"
        ],
        "PYTHONWARNINGS": "ignore",
    }
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(wanted)],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_secrets_for_the_image_stay_out_of_it_and_of_git() -> None:
    for name in (".dockerignore", ".gitignore"):
        words = (ROOT / name).read_text(encoding="utf-8").replace("/", "").split()
        assert {".env", "systems.env"} <= set(words), name
