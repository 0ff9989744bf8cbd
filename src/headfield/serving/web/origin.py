# SPDX-License-Identifier: BSD-3-Clause
"""Who may talk to a server on this machine: no page of another site, under whatever name it got here."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

__all__ = ["refusal", "split_host"]


def refusal(hosts: Sequence[str], origins: Sequence[str], own: str, allowed: Sequence[str]) -> str:
    """Return why a request is refused by its headers, empty if it is not.

    A browser sends as `Origin` the site whose page asks. It must be this server, or one of those that are
    allowed; programs that are no browsers send none. `Host` must not be a name that this server does not
    have: a site can let its own name lead to 127.0.0.1 ("DNS rebinding"), and would then be its own origin.

    Parameters
    ----------
    hosts, origins : sequence of str
        The headers `Host` and `Origin`, each as often as it came.
    own : str
        The name or address that the server was told to listen on.
    allowed : sequence of str
        Origins of other sites that may connect, such as "https://lab.example".

    Examples
    --------
    >>> refusal(["127.0.0.1:8600"], ["http://127.0.0.1:8600"], "127.0.0.1", [])
    ''
    >>> refusal(["localhost:8600"], ["http://evil.example"], "127.0.0.1", [])
    'pages of http://evil.example may not connect'
    >>> refusal(["evil.example:8600"], ["http://evil.example:8600"], "127.0.0.1", [])
    'this server is not called evil.example:8600'
    """
    if len(hosts) != 1 or len(origins) > 1:
        return "there must be one Host, and one Origin at most"
    if not _is_own(hosts[0], own):
        return f"this server is not called {hosts[0]}"
    if not origins or origins[0] in allowed or origins[0].lower() == f"http://{hosts[0]}".lower():
        return ""
    return f"pages of {origins[0]} may not connect"


def split_host(host: str) -> str:
    """Return the name or address of a `Host` header without its port; empty if it is none.

    Examples
    --------
    >>> split_host("LocalHost:80"), split_host("[::1]:8600"), split_host("a:b:c"), split_host("u@localhost")
    ('localhost', '::1', '', '')
    """
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018  # raises an error where it is none
    except ValueError:
        return ""
    return (parts.hostname or "") if parts.netloc == host and "@" not in host else ""


def _is_own(host: str, own: str) -> bool:
    name = split_host(host)
    if name in ("localhost", own.lower(), socket.gethostname().lower()) and name:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True  # an address is no name that a site could have let lead here
