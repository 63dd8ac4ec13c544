"""A kernel of this package, driven by lines of JSON; run as somebody else by the tests.

    python driver.py '{"folder": ..., "options": {...}}'

Says {"trouble": ...} first, then answers {"code": ...} with {"text": ..., "error": ...}.
"""

import json
import queue
import sys
import time

from jupyter_client import KernelManager
from traitlets.config import Config

from autograder.kernels import KERNEL, announce, sandbox

LIGHT = {"preload": ["numpy"]}


class Kernel:
    """A kernel started by the provisioner, nothing else of the course involved."""

    def __init__(self, folder=None, given=None, **options):
        announce()
        config = Config({"ContainedProvisioner": LIGHT | options})
        self.manager = KernelManager(kernel_name=KERNEL, config=config)
        more = {} if given is None else {"env": given}
        self.manager.start_kernel(cwd=folder, **more)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    @property
    def provisioner(self):
        return self.manager.provisioner

    def run(self, code, seconds=60):
        """What a cell prints, and its error if there is one."""
        asked, said = self.client.execute(code), {"text": "", "error": ""}
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                message = self.client.get_iopub_msg(timeout=0.5)
            except queue.Empty:
                if not self.manager.is_alive():
                    return said | {"error": "dead"}
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            content = message["content"]
            if message["msg_type"] == "stream":
                said["text"] += content["text"]
            elif message["msg_type"] == "error":
                said["error"] = f"{content['ename']}: {content['evalue']}"
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                return said
        return said | {"error": "late"}

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def main(started):
    print(json.dumps({"trouble": sandbox.trouble()}), flush=True)
    kernel = Kernel(**json.loads(started))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        print(json.dumps(kernel.run(json.loads(line)["code"])), flush=True)
    kernel.end()


if __name__ == "__main__":
    main(sys.argv[1])
