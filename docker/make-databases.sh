#!/bin/sh
# Run once by PostgreSQL's image on an empty volume: a database and a login each.
set -eu
for name in airflow crossdock; do
    case $name in
    airflow) password=$AIRFLOW_DATABASE_PASSWORD ;;
    crossdock) password=$CROSSDOCK_DATABASE_PASSWORD ;;
    esac
    psql -v ON_ERROR_STOP=1 -v name="$name" -v password="$password" --username postgres <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name" ENCODING 'UTF8' TEMPLATE template0;
SQL
done
