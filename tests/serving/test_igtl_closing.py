# SPDX-License-Identifier: BSD-3-Clause
"""The OpenIGTLink server when it closes: connections end, and nothing is left of them."""

import gc
import socket
import warnings

import pytest
from given.serving import COIL, Peer, Stub, loose_points, pose_at

from headfield.serving.hub import Hub
from headfield.serving.igtl import contents
from headfield.serving.igtl.server import IgtlServer


def test_closing_ends_all_connections_and_the_hub_may_go_first():
    with Hub(Stub(), COIL) as hub:
        server = IgtlServer(hub, port=0)
        peer = Peer(server.port)
        peer.status(1)
    peer.send_pose(pose_at(1))
    peer.send("GET_STATUS")

    def said(newest):
        return contents.read_status(newest["STATUS"].content).text.startswith("0 poses")

    peer.wait(said)
    server.close()
    assert peer.gone()
    peer.close()
    server.close()
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)


def test_a_client_that_goes_while_the_server_closes_leaves_no_socket():
    gc.collect()
    with Hub(Stub(loose_points(5)), COIL) as hub, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        for _ in range(200):
            with IgtlServer(hub, port=0) as server:
                peer = Peer(server.port)
                peer.status(1)
                peer.close()
        gc.collect()
    assert [str(one.message) for one in warned] == []
