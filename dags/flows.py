"""Every flow of config/flows as an Airflow DAG."""

from pathlib import Path

from crossdock.airflow import publish

publish(Path(__file__).resolve().parents[1])
