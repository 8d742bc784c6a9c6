"""The public host of the tests: serves the page's files, hands all else to the daemon as it is.

The page and the daemon then have one origin, as behind the proxy of a real site; the stream in an iframe needs
that. Bytes are passed on as they come, nothing is buffered.
"""

import pathlib
import socket
import threading

FILES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


class Front:
    def __init__(self, folder, daemon, port):
        self.folder = pathlib.Path(folder)
        host, _, number = daemon.rpartition(":")
        self.daemon = (host, int(number))
        self.listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return client.close()
            head += piece
        path = head.split(b" ", 2)[1].split(b"?")[0].decode()
        file = self.folder / path.lstrip("/")
        if file.suffix in FILES and file.parent == self.folder and file.is_file():
            return self.answer(client, file)
        self.hand_over(client, head)

    def answer(self, client, file):
        body = file.read_bytes()
        client.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Type: {FILES[file.suffix]}\r\nContent-Length: {len(body)}\r\n"
            "Connection: close\r\n\r\n".encode() + body
        )
        client.close()

    def hand_over(self, client, head):
        try:
            daemon = socket.create_connection(self.daemon)
        except OSError:
            return client.close()
        # So that the next request for a file does not come in on this connection.
        if b"\r\nupgrade:" not in head.lower():
            line, fields = head.split(b"\r\n", 1)
            fields = b"\r\n".join(
                field for field in fields.split(b"\r\n") if not field.lower().startswith(b"connection:")
            )
            head = line + b"\r\nConnection: close\r\n" + fields
        daemon.sendall(head)
        threading.Thread(target=copy, args=(client, daemon), daemon=True).start()
        copy(daemon, client)


def copy(source, sink):
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
