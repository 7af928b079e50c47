"""Runs a command where the name server takes every question and answers none.

    unshare -rmn python3 tests/judge/silent_dns.py COMMAND...

Needs a network and a mount namespace of its own, as unshare gives. Standard library only.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys
import tempfile

SIOCSIFFLAGS = 0x8914
IFF_UP_RUNNING = 0x41
MS_BIND = 4096


def main():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    # A new network namespace has a loopback, but it is down.
    fcntl.ioctl(server, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_RUNNING))
    server.bind(("127.0.0.1", 53))
    with tempfile.NamedTemporaryFile("w") as conf:
        conf.write("nameserver 127.0.0.1\n")
        conf.flush()
        libc = ctypes.CDLL(None, use_errno=True)
        target = os.path.realpath("/etc/resolv.conf")
        if libc.mount(conf.name.encode(), target.encode(), None, MS_BIND, None) != 0:
            sys.exit(f"silent_dns.py: {target}: {os.strerror(ctypes.get_errno())}")
    os.set_inheritable(server.fileno(), True)  # it is there, unread, as long as the command is
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
