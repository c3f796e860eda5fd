"""Programs that measure their own usage: `memory BYTES` is the memory of this process that is not backed by a file on
disk."""
import mmap
import os
import signal
import subprocess
import sys
import threading
import time


def burn(ms):
    until = time.thread_time_ns() + ms * 1_000_000
    while time.thread_time_ns() < until:
        pass


def held():
    fields = {}
    for path in ("/proc/self/smaps_rollup", "/proc/self/status"):
        with open(path) as lines:
            for line in lines:
                name, _, rest = line.partition(":")
                value = rest.split()
                if len(value) == 2 and value[1] == "kB":
                    fields[name] = int(value[0]) * 1024
    return fields["Anonymous"] + fields.get("Pss_Shmem", 0) + fields["VmPTE"]


def cpu(what, ms):
    if what == "spin":
        burn(ms)
    elif what == "threads":
        threads = [threading.Thread(target=burn, args=(ms // 4,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    elif what == "fork":
        for _ in range(4):
            if os.fork() == 0:
                burn(ms // 4)
                os._exit(0)
        for _ in range(4):
            os.wait()
    elif what == "subprocess":
        subprocess.run([sys.executable, sys.argv[0], "cpu", "spin", str(ms)], check=True)


def memory(what, mib):
    size = mib << 20
    if what == "bytearray":
        kept = bytearray(b"x") * size
    elif what == "list":
        kept = [str(n) for n in range(size // 64)]
    elif what == "mmap":
        kept = mmap.mmap(-1, size)
        for at in range(0, size, 4096):
            kept[at] = 1
    elif what == "read":
        # Reads a large file piece by piece, without keeping the pieces.
        kept = bytearray(b"x") * size
        with open(sys.argv[4], "rb", buffering=0) as large:
            while large.read(1 << 18):
                pass
    print("memory", held(), flush=True)
    del kept


def end(how, n=0):
    if how == "exit":
        sys.exit(n)
    elif how == "text":
        sys.exit("it is over")
    elif how == "at_once":
        os._exit(n)
    elif how == "exception":
        raise ValueError("of its own")
    elif how == "abort":
        os.abort()
    elif how == "signal":
        os.kill(os.getpid(), n)
        signal.pause()
    elif how == "recursion":
        end(how, n)
    elif how == "handler":
        signal.signal(n, lambda *_: sys.exit(17))
        os.kill(os.getpid(), n)
        signal.pause()


def forever(what, *_):
    print("begun", flush=True)
    if what == "spin":
        while True:
            pass
    elif what == "sleep":
        while True:
            time.sleep(3600)
    elif what == "memory":
        kept = []
        while True:
            kept.append(bytearray(b"x") * (1 << 20))
    elif what == "output":
        while True:
            print("and on " * 20)


verb, what, *rest = sys.argv[1:]
{"cpu": cpu, "memory": memory, "end": end, "forever": forever}[verb](what, *map(int, rest[:1]))
