# The engine with everything it needs; the project itself is mounted at /opt/crossdock.
FROM python:3.12-slim-bookworm

ENV AIRFLOW_HOME=/opt/airflow \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONWARNINGS=ignore:GitWildMatchPattern:DeprecationWarning

RUN useradd --uid 50000 --gid 0 --home-dir /opt/airflow --create-home airflow \
    && install -d -o airflow -g 0 -m 0770 /opt/airflow/logs \
    && install -d -o airflow -g 0 -m 0700 /var/lib/crossdock /var/lib/sandbox

WORKDIR /build
COPY requirements.lock ./
RUN pip install --no-deps --require-hashes --only-binary :all: -r requirements.lock

COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
    && pip install --no-deps --no-index /tmp/wheel/*.whl \
    && rm -rf /build /tmp/wheel

USER airflow
WORKDIR /opt/crossdock
CMD ["crossdock", "--help"]
