"""Load a CSV file of sales lines into PostgreSQL by dlt: ``bench_dlt.py MODE FILE URL FOLDER``.

MODE is ``arrow`` (tables of text columns) or ``rows`` (one dict a line). Nothing is mapped and
nothing is checked: this is what Crossdock's whole run is measured beside.
"""

import csv
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

mode, file, url, folder = sys.argv[1:5]
os.environ.update(
    {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "DLT_DATA_DIR": folder,
        "HOME": folder,
        "DESTINATION__POSTGRES__CREDENTIALS": url.replace("hub@", "hub:none@"),
    }
)

import dlt  # noqa: E402
import pyarrow as pa  # noqa: E402
from pyarrow import csv as arrow_csv  # noqa: E402


def tables() -> Iterator[Any]:
    """Yield the file as Arrow tables of text columns."""
    with Path(file).open(encoding="utf-8") as text:
        names = next(csv.reader(text))
    options = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    yield from (
        pa.Table.from_batches([batch])
        for batch in arrow_csv.open_csv(
            file,
            read_options=arrow_csv.ReadOptions(block_size=16 << 20),
            convert_options=options,
        )
    )


def rows() -> Iterator[dict[str, str]]:
    """Yield the file line by line."""
    with Path(file).open(encoding="utf-8", newline="") as text:
        yield from csv.DictReader(text)


pipeline = dlt.pipeline(
    f"bench_{mode}", destination="postgres", dataset_name=f"dlt_{mode}", pipelines_dir=folder
)
pipeline.run(
    tables() if mode == "arrow" else rows(),
    table_name="sales",
    write_disposition="replace",
    loader_file_format="csv" if mode == "arrow" else None,
)
