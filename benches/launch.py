"""Runs commands that it is told on stdin and answers what each used.

A process of its own, because the kernel counts the memory of whoever starts a program as that program's, up to the moment when it
begins: what starts must be small for peaks to be seen. So it imports next to nothing.
"""

import marshal
import os
import sys
import time

while True:
    try:
        command, folder, environment, output = marshal.load(sys.stdin.buffer)
    except EOFError:
        break
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for stream, target in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
                os.dup2(stream, target)
            os.chdir(folder)
            os.execvpe(command[0], command, environment)
        finally:
            os._exit(127)
    _, status, usage = os.wait4(child, 0)
    wall = time.monotonic() - begin
    answer = (os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, usage.ru_oublock)
    marshal.dump(answer, sys.stdout.buffer)
    sys.stdout.buffer.flush()
