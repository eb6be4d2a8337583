"""COPY a CSV file into a table of text columns in PostgreSQL: ``bench_copy.py FILE URL``."""

import csv
import sys
from pathlib import Path

import psycopg
from psycopg import sql

file, url = sys.argv[1:3]
with Path(file).open(encoding="utf-8", newline="") as text:
    names = next(csv.reader(text))
columns = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in names)
with psycopg.connect(url) as connection, connection.cursor() as cursor:
    cursor.execute(sql.SQL("CREATE TABLE sales ({})").format(columns))
    with (
        cursor.copy("COPY sales FROM STDIN WITH (FORMAT csv, HEADER true)") as copy,
        Path(file).open("rb") as source,
    ):
        while block := source.read(1 << 20):
            copy.write(block)
