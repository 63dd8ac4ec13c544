#!/bin/sh
# Refreshes requirements.lock: the newest versions pyproject.toml allows, for every platform, with
# hashes and without any index's address. Run it as `make lock`, then `make test`.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

uv=$(find_uv .venv/bin/python)
"$uv" pip compile pyproject.toml --all-extras --upgrade --universal --python-version 3.11 \
    --generate-hashes --no-emit-index-url \
    --custom-compile-command "make lock" --quiet --output-file requirements.lock
say "requirements.lock is refreshed; run make test before you commit it."
