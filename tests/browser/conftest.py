"""JupyterLab as people use it: a real server, a real browser, and the hands of its user.

Whatever a test has seen stays in `build/screenshots/`: pictures it took, how the page looked when
it ended, passed or not, and what the browser's console and the server said.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from autograder import ROOT

SCREENSHOTS = ROOT / "build" / "screenshots"
PATIENCE = 120_000  # milliseconds, for a loaded machine; nothing here waits longer than it must
SWITCHES = [
    "--no-sandbox",  # the browser's own, which containers cannot give it
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

# Formgrader fetches MathJax from afar; the server has it, too.
MATHJAX = """
const own = "/static/jupyter_server_mathjax/MathJax.js?config=TeX-AMS-MML_HTMLorMML-full,Safe";
window.MathJax = {"HTML-CSS": {availableFonts: [], webFont: "STIX-Web"}};
document.write(`<script src="${own}"></script>`);
"""

# No questions about news, and all cells in the page, those out of view as well.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@contextmanager
def jupyter(command: Sequence[str], folder: Path, home: Path, **environment: str) -> Iterator[str]:
    """Run a JupyterLab server; gives its address, with the token that opens it.

    command: starts it, in `folder`; home: a new folder for all that Jupyter keeps about its user.
    """
    for name, settings in SETTINGS.items():
        path = home / "config/lab/user-settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings), encoding="utf-8")
    places = ("config", "data", "runtime")
    own = {f"JUPYTER_{place.upper()}_DIR": str(home / place) for place in places}
    own |= {"IPYTHONDIR": str(home / "ipython"), **environment}
    options = ["--ServerApp.ip=127.0.0.1", "--no-browser", "--allow-root"]
    said = home / "server.log"
    with (
        open(said, "w", encoding="utf-8") as log,
        subprocess.Popen(
            [*command, *options], cwd=folder, env={**os.environ, **own}, stdout=log, stderr=log
        ) as server,
    ):
        try:
            yield _address(server, home / "runtime")
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(60)
            server.kill()
            shutil.copy(said, kept(f"{folder.name}-server.log"))


def _address(server: subprocess.Popen, runtime: Path) -> str:
    """Where the server is, on whichever port was free; it writes that down once it listens."""
    while True:
        for path in runtime.glob("jpserver-*.json"):
            with suppress(ValueError):  # half written
                about = json.loads(path.read_text(encoding="utf-8"))
                return f"{about['url']}?token={about['token']}"
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.2)
            pytest.fail("JupyterLab ended at once; see the server's log in build/screenshots.")


def kept(name: str) -> Path:
    """Where a file about a test is kept."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / name


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's browser; nothing is downloaded."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("there is no chromium here (apt install chromium)")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """An empty page that reaches this machine only; how it ends is kept."""
    context = chromium.new_context(viewport={"width": 1400, "height": 900})
    context.route(re.compile(r"https?://(?!127\.0\.0\.1:)"), lambda route: route.abort())
    context.route("**/mathjax/**/latest.js*", lambda route: route.fulfill(body=MATHJAX))
    page, said = context.new_page(), []
    page.set_default_timeout(PATIENCE)
    page.on("console", lambda m: m.type != "debug" and said.append(f"{m.type}: {m.text}"))
    page.on("pageerror", lambda error: said.append(f"uncaught: {error}"))
    yield page
    page.screenshot(path=kept(f"{request.node.name}-end.png"))
    kept(f"{request.node.name}-console.log").write_text("\n".join(said), encoding="utf-8")
    context.close()


class Notebook:
    """A notebook that is open in JupyterLab, and what one does with it."""

    def __init__(self, page: Page, file: Path):
        """Wait until all of `file` is on the page and its kernel is there."""
        self.page = page
        cells = len(nbformat.read(file, as_version=4).cells)
        expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(cells)
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Wait until the kernel is there and has nothing to do, as the status bar says."""
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")

    def cell(self, text: str) -> Locator:
        """The code cell in which a text occurs."""
        return self.page.locator(".jp-CodeCell", has_text=text)

    def output(self, text: str) -> Locator:
        """What stands below that cell."""
        return self.cell(text).locator(".jp-OutputArea-output").first

    def run(self, text: str) -> None:
        """Run the cell in which a text occurs."""
        self.cell(text).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def write(self, text: str, source: str) -> None:
        """Write `source` into the cell in which a text occurs, and run it."""
        self.cell(text).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)
        self.page.keyboard.press("Control+Enter")

    def run_all(self) -> None:
        """Run > Run All Cells."""
        self.page.locator(".lm-MenuBar-itemLabel", has_text="Run").click()
        self.page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()

    def validate(self) -> Locator:
        """Press nbgrader's button; the dialog that says what came of it."""
        self.page.get_by_role("button", name="Validate").click()
        return self.page.locator(".jp-Dialog")


@pytest.fixture(scope="session")
def take() -> Callable[[str, Page | Locator], None]:
    """take(name, what): keep a picture of a page, or a part of one, as it is now."""
    return lambda name, what: what.screenshot(path=kept(f"{name}.png"))


@pytest.fixture(scope="session")
def serve(chromium: Browser):
    """serve(command, folder, home, **environment): :func:`jupyter`, where there is a browser."""
    return jupyter


@pytest.fixture
def opened(page: Page) -> Callable[[Path], Notebook]:
    """opened(file): the notebook that has just been clicked at, when it is ready."""
    return lambda file: Notebook(page, file)
