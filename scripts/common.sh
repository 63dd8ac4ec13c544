# Shared by setup.sh and lock.sh; sourced in the root of the course.

# A folder of local wheels would slip packages in that the lock does not name.
UV_FIND_LINKS=
# Use the Python that was found; never download another.
UV_PYTHON_DOWNLOADS=never
export UV_FIND_LINKS UV_PYTHON_DOWNLOADS
unset VIRTUAL_ENV CONDA_PREFIX PYTHONPATH PYTHONHOME UV_PYTHON

say() {
    printf '%s\n' "$@" >&2
}

# What is missing, and what to do about it.
stop() {
    printf '\n' >&2
    printf '%s\n' "$@" >&2
    exit 1
}

# The first Python that runs and that torch has wheels for. $PYTHON, when set, is asked first.
find_python() {
    for name in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11 python3.14 python; do
        if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
            "$name" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    found=$(python3 --version 2>/dev/null) || found="no python3 at all"
    stop "Python 3.11, 3.12, 3.13 or 3.14 is needed; this machine has $found." \
        "Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.13)" \
        "and run make again, or name one that is not on the path: make setup PYTHON=/where/it/is/python3.13"
}

# uv from the path, or a private copy in .tools that touches nothing else.
find_uv() {
    if command -v uv 2>/dev/null; then
        return
    fi
    if ! .tools/bin/uv --version >/dev/null 2>&1; then
        say "Fetching uv into .tools."
        rm -rf .tools
        "$1" -m venv .tools >/dev/null 2>&1 || {
            rm -rf .tools
            stop "$1 cannot make virtual environments: its venv or ensurepip module is missing." \
                "Install it (Debian, Ubuntu: apt install python3-venv), or install uv, and run make again."
        }
        .tools/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.8' >&2 || {
            rm -rf .tools
            stop "uv could not be installed; pip's own message stands above." \
                "Is there a way to the package index from here? With uv on the path, make will use that one."
        }
    fi
    printf '%s\n' "$(pwd -P)/.tools/bin/uv"
}

# Bubblewrap, which contains the notebooks that are graded: installed where this is root in a
# container or in continuous integration; elsewhere only named. Nothing else needs it.
find_bubblewrap() {
    if [ "$(uname)" != Linux ] || command -v bwrap >/dev/null 2>&1; then
        return
    fi
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 &&
        { [ -n "${CI:-}" ] || [ -e /.dockerenv ] || [ -e /run/.containerenv ]; }; then
        say "Installing bubblewrap."
        if { apt-get update -qq && apt-get install -y -qq bubblewrap; } >/dev/null 2>&1; then
            return
        fi
    fi
    say "" "Grading wants bubblewrap, the sandbox for notebooks. One command installs it:" \
        "    sudo apt install bubblewrap" ""
}
