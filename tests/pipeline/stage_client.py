"""Hands a call ``python SCRIPT …`` to the server of stage_server.py, and ends as the script did.

    python stage_client.py SOCKET SCRIPT [ARGUMENTS]

Imports as little as it can: it starts once for every stage.
"""

import json
import os
import socket
import sys

NO_ANSWER = 70  # the fork died


def main() -> int:
    folder = os.getcwd()  # noqa: PTH109 - pathlib takes as long to import as all the rest
    call = {"folder": folder, "arguments": sys.argv[2:], "environment": dict(os.environ)}
    text = json.dumps(call).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(sys.argv[1])
        socket.send_fds(connection, [len(text).to_bytes(4, "big")], [0, 1, 2])
        connection.sendall(text)
        answer = connection.recv(1)
    return answer[0] if answer else NO_ANSWER


if __name__ == "__main__":
    sys.exit(main())
