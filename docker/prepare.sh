# Run once before the other services: databases, first login, the key of the kept bytes.
set -eu
airflow db migrate
airflow users create --role Admin --username "$AIRFLOW_ADMIN" --email "$AIRFLOW_ADMIN_EMAIL" \
    --firstname Crossdock --lastname Admin --password "$AIRFLOW_ADMIN_PASSWORD"
crossdock init --only-key
crossdock doctor || echo "something is to be changed: see the lines above" >&2
