"""moto's server, empty, for whoever speaks to AWS over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import Request, urlopen

from moto.server import ThreadedMotoServer


@contextmanager
def moto_server() -> Iterator[str]:
    """Give the address of a server whose account holds nothing.

    All of a process's servers share one account, which earlier tests have left things in.
    """
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()  # noqa: S310
        yield endpoint
    finally:
        server.stop()
