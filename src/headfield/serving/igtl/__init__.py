# SPDX-License-Identifier: BSD-3-Clause
"""OpenIGTLink, by which programs that navigate talk to each other.

Layouts are those of the protocol's documents (openigtlink/OpenIGTLink, Documents/Protocol, BSD licence):
`message` has the header, the CRC and metadata, the other modules the contents.
"""
