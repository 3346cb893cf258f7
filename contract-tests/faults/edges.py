"""Two gateways behind an edge, as an institution runs them that wants no pause: each is replaced while calls go on."""

import contextlib
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from contract.deployed import LOOPBACK, free_ports
from crash.stack import GATEWAY

from faults.calling import loaded
from faults.ground import Ground, empty
from faults.holding import LeftOut, must, until

LOG: Final = "nginx.log"
_CALLERS: Final = 4
_AROUND_S: Final = 1.5
_WITHIN_S: Final = 20.0

_CONFIGURATION: Final = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream gateways {{
        # None is ever left alone: a refusal takes no time, and two left alone at once would be nobody.
        server {first} max_fails=0;
        server {second} max_fails=0;
    }}
    server {{
        listen {bound};
        location / {{
            proxy_pass http://gateways;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            # Only to a gateway that takes no connection; a POST that was sent is never sent again.
            proxy_next_upstream error;
            client_body_buffer_size 1m;
        }}
    }}
}}
"""


@contextlib.contextmanager
def with_two_gateways() -> Iterator[Ground]:
    """Everything runs, the gateway twice, with an edge before both.

    Raises:
        LeftOut: there is no nginx on this machine.
    """
    nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if nginx is None:
        raise LeftOut("no nginx is installed on this machine (Debian: apt-get install nginx-light)")
    with empty() as ground:
        second = ground.add_replica(GATEWAY)
        ground.start()
        ground.start(second.name)
        port = free_ports(1)[0]
        configuration = ground.stack.folder / "nginx.conf"
        first, other = (one.url.removeprefix("http://") for one in (ground.gateway, second))
        bound = f"{LOOPBACK}:{port}"
        text = _CONFIGURATION.format(folder=ground.stack.folder, bound=bound, first=first, second=other)
        configuration.write_text(text, "utf-8")
        command = [nginx, "-c", str(configuration), "-e", str(ground.stack.folder / LOG)]
        with subprocess.Popen(command, cwd=ground.stack.folder) as edge:  # noqa: S603
            try:
                ground.door = f"http://{LOOPBACK}:{port}"
                caller = ground.caller()
                until(lambda: caller.ask().good, _WITHIN_S, lambda: f"the edge: {caller.ask().in_short()}")
                yield ground
            finally:
                edge.terminate()


def gateways_replaced(ground: Ground) -> str:
    """Each of two gateways ends and comes back while calls go on, twice, and none fails."""
    names = [name for name in ground.stack.services if name.startswith(GATEWAY)]
    with loaded(ground.callers(_CALLERS)) as load:
        time.sleep(_AROUND_S)
        for name in names * 2:
            service = ground.stack.services[name]
            service.end()
            service.start_again()
            ground.stack.wait_until_ready(name)
            time.sleep(_AROUND_S)
    must(not load.failed, f"{load.what_failed()}; the edge: {_said(ground)}")
    return f"4 replacements, {load.in_short()}, the slowest in {load.slowest:.1f} s"


def _said(ground: Ground) -> str:
    """The errors in the log of the edge, counted."""
    lines = (ground.stack.folder / LOG).read_text("utf-8", "replace").splitlines()
    errors = [
        line.partition(": *")[2].partition(", client")[0].partition(" ")[2] for line in lines if "[error]" in line
    ]
    return "; ".join(
        f"{count}x {words}" for words, count in Counter(one.partition(" ")[2] for one in errors).most_common(4)
    )
