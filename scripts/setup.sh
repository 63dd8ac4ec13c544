#!/bin/sh
# Makes .venv: finds a Python, finds or fetches uv, installs exactly what requirements.lock names.
# Run it as `make setup`, which repeats it only when something has changed.
set -eu
cd "$(dirname "$0")/.."
. scripts/common.sh

command -v git >/dev/null 2>&1 || stop "git is missing." \
    "Install it (Debian, Ubuntu: apt install git; macOS: xcode-select --install) and run make again."
python=$(find_python)
uv=$(find_uv "$python")

# Written last, so that an interrupted set-up is taken up again. A folder that has moved, or a
# Python that has gone, starts afresh: scripts inside .venv name both by their full path.
here=$(pwd -P)
stamp=.venv/.ready
if [ -e .venv ]; then
    if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        { [ -e $stamp ] && [ "$(cat $stamp)" != "$here" ]; }; then
        say "The environment in .venv no longer works here (moved, or its Python has gone): making it anew."
        rm -rf .venv
    fi
fi
if [ ! -e .venv ]; then
    "$uv" venv --quiet --python "$python" .venv
fi
rm -f $stamp

# Packages are synchronised only when the lock has changed, the project itself always.
installed=.venv/requirements.lock
if ! cmp -s requirements.lock $installed; then
    rm -f $installed
    say "Installing the locked packages into .venv (a few minutes the first time)."
    "$uv" pip sync --python .venv/bin/python --require-hashes --compile-bytecode requirements.lock
    cp requirements.lock $installed
fi
"$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
find_bubblewrap
printf '%s\n' "$here" >$stamp
say "Set up. The course command is .venv/bin/course."
