"""What is measured, and what must come of it."""

from servers import THREAD_PEERS

RATE, USER, PAGE_TABLES, START = "rate", "user_kib", "page_tables_kib", "start_ms"


class Scenario:
    """`load`: the arguments of bench/load. `servers`: those that take part. With `open_loop`, a
    server's name, the requests come at a fixed rate: half of what that server can do."""

    def __init__(self, name, title, load, servers, transport="tcp", pinned=False, open_loop=None,
                 rounds=None):
        self.name, self.title, self.load, self.servers = name, title, load, servers
        self.transport, self.pinned, self.open_loop = transport, pinned, open_loop
        self.rounds = rounds  # where fewer are enough

    @property
    def measure(self):
        return {"idle": USER, "start": START}.get(self.load[0], RATE)


class Goal:
    """What `server` must reach: so many times what `against` does in the same round, one of them
    or the best of several; without `against`, at most so much."""

    def __init__(self, scenario, server, against, must, aim, measure=RATE):
        self.scenario, self.server, self.against = scenario, server, against
        self.must, self.aim, self.measure = must, aim, measure

    @property
    def others(self):
        return (self.against,) if isinstance(self.against, str) else tuple(self.against or ())


_PEERS = ("cpython-threading", "glib", "poco", "asio", "libuv", "goroutine")
_THREADS = ("threading", "hand-thread", "hand-leader-follower", "hand-epoll")
_CHURN = ("churn", "--abrupt", "--connections")

SCENARIOS = (
    Scenario("echo-1-cpu", "echo, 1 connection, one CPU", ("echo",),
             ("sync", "hand-sync", "threading", "hand-thread", "cpython-sync", *_PEERS),
             pinned=True),
    Scenario("echo-64-cpu", "echo, 64 connections, one CPU", ("echo", "--connections", "64"),
             (*_THREADS, *_PEERS), pinned=True),
    Scenario("echo-64", "echo, 64 connections", ("echo", "--connections", "64", "--threads", "2"),
             (*_THREADS, *_PEERS)),
    Scenario("churn-1-cpu", "churn, 1 at a time, one CPU", (*_CHURN, "1"),
             ("sync", "hand-sync", *_THREADS, "forking", "hand-fork", "program-sync",
              "cpython-sync", "cpython-forking", *_PEERS), pinned=True),
    Scenario("churn-64-cpu", "churn, 64 at a time, one CPU", (*_CHURN, "64"),
             (*_THREADS, "forking", "hand-fork", "program-threading", "program-forking",
              "cpython-forking", *_PEERS), pinned=True),
    Scenario("churn-64", "churn, 64 at a time", (*_CHURN, "64", "--threads", "2"),
             (*_THREADS, "forking", "hand-fork", "cpython-forking", *_PEERS)),
    Scenario("bulk-cpu", "bulk, 16 MiB each, one CPU", ("bulk",),
             ("sync", "hand-sync", "threading", "hand-thread", *_PEERS), pinned=True),
    Scenario("unix-echo-64-cpu", "Unix echo, 64 connections, one CPU",
             ("echo", "--connections", "64"), (*_THREADS, "cpython-unix-threading"),
             transport="unix", pinned=True, rounds=5),
    Scenario("unix-churn-64-cpu", "Unix churn, 64 at a time, one CPU", (*_CHURN, "64"),
             (*_THREADS, "cpython-unix-threading"), transport="unix", pinned=True),
    Scenario("udp-64-cpu", "UDP, 64 in flight, one CPU", ("datagram", "--window", "64"),
             ("sync", "hand-recvfrom", "threading", "hand-datagram-thread", "program-sync",
              "cpython-udp-sync", "cpython-udp-threading"), transport="udp", pinned=True),
    Scenario("udp-64", "UDP, 64 in flight", ("datagram", "--window", "64"),
             ("sync", "hand-recvfrom", "threading", "hand-datagram-thread", "cpython-udp-sync",
              "cpython-udp-threading"), transport="udp"),
    Scenario("echo-64-rate", "echo, 64 connections, fixed rate",
             ("echo", "--connections", "64", "--threads", "2"), (*_THREADS, *_PEERS),
             open_loop="hand-thread", rounds=5),
    Scenario("churn-64-rate", "churn, 64 at a time at most, fixed rate",
             (*_CHURN, "64", "--threads", "2"),
             (*_THREADS, "forking", "hand-fork", *_PEERS), open_loop="hand-thread", rounds=5),
    Scenario("udp-64-rate", "UDP, 64 in flight at most, fixed rate", ("datagram", "--window", "64"),
             ("sync", "hand-recvfrom", "threading", "cpython-udp-sync"), transport="udp",
             open_loop="hand-recvfrom", rounds=5),
    Scenario("idle", "10,000 idle connections",
             ("idle", "--connections", "10000"),
             ("threading", "hand-thread", "hand-leader-follower", "glib", "poco", "asio", "libuv",
              "goroutine"), rounds=3),
    Scenario("idle-touched", "10,000 idle connections, after 16 KiB on each",
             ("idle", "--connections", "10000", "--size", "16384"),
             ("threading", "hand-thread", "glib", "poco", "asio", "libuv", "goroutine"), rounds=3),
    Scenario("start", "process start to first reply", ("start",),
             ("sync", "threading", "forking", "hand-sync", "cpython-sync", "glib", "poco",
              "goroutine"), pinned=True),
)

GOALS = (
    Goal("echo-1-cpu", "sync", "hand-sync", 0.97, 1.0),
    Goal("churn-1-cpu", "sync", "hand-sync", 0.97, 1.0),
    Goal("echo-1-cpu", "threading", "hand-thread", 0.97, 1.0),
    Goal("echo-64-cpu", "threading", "hand-thread", 0.97, 1.0),
    Goal("churn-1-cpu", "threading", "hand-thread", 1.25, 1.33),
    Goal("churn-64-cpu", "threading", "hand-thread", 1.15, 1.30),
    Goal("churn-64", "threading", "hand-thread", 1.12, 1.22),
    Goal("churn-64-cpu", "threading", THREAD_PEERS, 1.3, None),
    Goal("churn-64", "threading", THREAD_PEERS, 1.3, None),
    Goal("unix-churn-64-cpu", "threading", "hand-thread", 1.45, 1.8),
    Goal("churn-64", "threading", "cpython-threading", 3.5, 4.0),
    Goal("churn-1-cpu", "forking", "hand-fork", 0.95, 1.0),
    Goal("churn-64-cpu", "forking", "hand-fork", 0.95, 1.0),
    Goal("churn-64", "forking", "hand-fork", 0.95, 1.0),
    Goal("churn-1-cpu", "forking", "cpython-forking", 5.5, None),
    Goal("churn-64-cpu", "forking", "cpython-forking", 5.5, None),
    Goal("churn-64", "forking", "cpython-forking", 5.5, None),
    Goal("udp-64-cpu", "sync", "hand-recvfrom", 0.97, 1.03),
    Goal("udp-64", "sync", "hand-recvfrom", 0.97, 1.03),
    Goal("udp-64-cpu", "threading", "hand-datagram-thread", 4.0, None),
    Goal("udp-64", "threading", "hand-datagram-thread", 4.0, None),
    Goal("udp-64-cpu", "threading", "hand-recvfrom", None, 0.9),
    Goal("bulk-cpu", "sync", "hand-sync", 0.95, 1.0),
    Goal("bulk-cpu", "threading", "hand-thread", 0.95, 1.0),
    Goal("idle", "threading", None, 13.5, 12.5, USER),
    Goal("idle", "threading", None, 0.8, 0.5, PAGE_TABLES),
    Goal("start", "sync", None, 3.0, None, START),
    Goal("start", "threading", None, 3.0, None, START),
    Goal("start", "forking", None, 3.0, None, START),
    Goal("start", "sync", "hand-sync", None, 1.0, START),
)
