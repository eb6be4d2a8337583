# Make a virtual environment from a lock file, every package checked against its hash.
#
#   sh scripts/set-up.sh          .venv        from requirements.lock, with this project in it
#   sh scripts/set-up.sh bench    .venv-bench  from requirements-bench.lock (what we are measured by)
#
# uv is used where it is installed; plain pip does the same, slower.
set -eu

stop() {
    printf '\n%s\n' "$@" >&2
    exit 1
}

which_venv=${1:-main}
python=${PYTHON:-}
if [ "$which_venv" = bench ]; then
    venv=.venv-bench lock=requirements-bench.lock
else
    venv=.venv lock=requirements.lock
fi
stamp=$venv/.made
if [ -f "$stamp" ] && [ "$stamp" -nt "$lock" ] && [ "$which_venv" = bench ]; then
    exit 0
fi

[ -n "$python" ] || python=$(sh scripts/find-python.sh)
[ -n "$python" ] || stop \
    "Crossdock needs Python 3.11, 3.12 or 3.13, and there is none on PATH." \
    "Install one (Debian, Ubuntu: apt install python3 python3-venv), or name it: make test PYTHON=/path/to/python3.12"
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || stop \
    "$python is not Python 3.11, 3.12 or 3.13." \
    "Name another one: make test PYTHON=/path/to/python3.12"

packages=$(grep -c '^[a-z0-9].*==' "$lock")
if [ "$which_venv" = bench ]; then
    echo "Setting up $venv: $packages packages, about 100 MB to download and 260 MB on disk."
else
    echo "Setting up $venv (once): $packages packages, about 350 MB to download and 1.3 GB on disk."
fi
echo "They come from your Python package index; each is checked against the hash in $lock."

if ! "$venv/bin/python" -c pass 2>/dev/null; then
    rm -rf "$venv"
    "$python" -m venv "$venv" >"$venv.log" 2>&1 || {
        cat "$venv.log" >&2
        rm -rf "$venv" "$venv.log"
        stop "\`$python -m venv\` failed; its words stand above." \
            "On Debian and Ubuntu the module is a package of its own: apt install python3-venv" \
            "Then run the same make command again."
    }
    rm -f "$venv.log"
fi

# The lock names every package, so nothing is left to resolve; asked to resolve all the same, pip
# would stop at a package that another one wants with an extra.
if uv --version >/dev/null 2>&1; then
    # without byte code every Airflow process would take three times as long to start
    uv pip install --quiet --python "$venv/bin/python" --compile-bytecode --no-deps --require-hashes -r "$lock"
else
    PYTHONDONTWRITEBYTECODE='' "$venv/bin/python" -m pip install --quiet \
        --disable-pip-version-check --no-deps --require-hashes -r "$lock"
fi
if [ "$which_venv" = main ]; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --no-deps --no-build-isolation -e .
fi
touch "$stamp"
echo "Ready."
