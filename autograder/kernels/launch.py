"""The last steps before a kernel is one: limits, environment, and an ordinary ipykernel."""

import inspect
import os
import resource
import signal
import sys

__all__ = ["become_kernel", "limit"]


def serve(connection: int, largest: int) -> None:
    """Run an ipykernel. Says so once its sockets are bound, and waits for an answer.

    largest: bytes of the largest output; the reader would cut the connection for a larger one.
    It stands by itself: a fresh interpreter runs its source.
    """
    import os
    import sys
    import zlib

    import ipykernel.compiler
    import zmq
    from ipykernel.kernelapp import IPKernelApp

    # It names cells for a debugger that nobody attaches; ipykernel's own takes a third of the time
    # of a notebook with long cells.
    ipykernel.compiler.murmur2_x86 = lambda text, seed: zlib.crc32(text.encode(), seed)

    class Kernel(IPKernelApp):
        def init_iopub(self, context):
            # A reader that falls behind costs this process memory, and never a message.
            context.setsockopt(zmq.SNDHWM, 0)
            super().init_iopub(context)
            send = self.iopub_thread.send_multipart

            def send_if_small(parts, *rest, **more):
                if sum(map(len, parts)) < largest:
                    send(parts, *rest, **more)

            self.iopub_thread.send_multipart = send_if_small

    kernel = Kernel.instance()
    kernel.initialize(sys.argv[1:])
    os.write(connection, b"bound")
    os.read(connection, 1)
    os.close(connection)
    kernel.start()


# Now: once the sandbox is entered, this file is out of sight.
_PROGRAM = inspect.getsource(serve)


def limit(limits: dict[str, int]) -> None:
    """Set resource limits, by name without RLIMIT_, never above what holds already."""
    for name, value in limits.items():
        which = getattr(resource, f"RLIMIT_{name}")
        _, most = resource.getrlimit(which)
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(which, (value, value))


def become_kernel(
    arguments: list[str],
    environment: dict[str, str],
    folder: str,
    connection: int,
    largest: int,
    python: str,
) -> None:
    """Turn this process, inside its sandbox already, into a kernel.

    arguments: ipykernel's; connection, largest: see :func:`serve`; python: the interpreter to
    execute, or nothing to stay in this one with all that it has imported.
    """
    os.umask(0o022)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.closerange(3, connection)
    os.closerange(connection + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if python:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.set_inheritable(connection, True)
        command = [python, "-P", "-c", f"{_PROGRAM}\nserve({connection}, {largest})", *arguments]
        os.execve(python, command, environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _forget()
    sys.argv = ["ipykernel_launcher", *arguments]
    serve(connection, largest)


def _forget() -> None:
    """Undo what all forks of one process would share: random numbers, and how they came about."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    if torch := sys.modules.get("torch"):
        torch.seed()
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    package = __name__.partition(".")[0]
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
