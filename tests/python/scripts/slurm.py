"""A Slurm cluster of two nodes in a folder: private daemons on the loopback, gone when the context ends."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
NODES = ("n1", "n2")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
TIMEOUT = 120  # seconds; only what hangs gets there

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={ports[0]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmdPidFile={folder}/%n.pid
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=1,batch_sched_delay=0
MpiDefault=none
ReturnToService=2
KillWait=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=1 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=1 State=UNKNOWN
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why there can be no cluster here; empty if there can."""
    absent = [tool for tool in TOOLS if shutil.which(tool, path=PATH) is None]
    if absent:
        return f"Slurm is not installed ({', '.join(absent)})"
    return "" if os.geteuid() == 0 else "Slurm's daemons need root"


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + TIMEOUT
    while not is_so():
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(0.05)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def processes(folder: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Those that belong to the cluster in that folder, with their environment."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                variables = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
                environment = dict(line.partition("=")[::2] for line in variables)
                if environment.get("SLURM_CONF") == str(folder / "slurm.conf"):
                    yield int(entry.name), environment


def kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


@dataclass
class Slurm:
    folder: Path
    daemons: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": PATH}

    def run(self, *command: object) -> str:
        arguments = [str(part) for part in command]
        result = subprocess.run(arguments, env=self.environment, capture_output=True, text=True, timeout=TIMEOUT)
        assert result.returncode == 0, f"{arguments}: {result.stderr}"
        return result.stdout

    def start_daemon(self, name: str, *command: object) -> None:
        arguments = [str(part) for part in command]
        log = (self.folder / f"{name}.out").open("wb")
        # Not the daemon's own environment variable of a node: processes() finds jobs by it.
        self.daemons[name] = subprocess.Popen(arguments, env=self.environment, stdout=log, stderr=log)

    def start_node(self, node: str) -> None:
        self.start_daemon(node, "slurmd", "-D", "-N", node)

    def start(self) -> None:
        (self.folder / "state").mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        conf = CONF.format(host=socket.gethostname().split(".")[0], folder=self.folder, ports=free_ports(3))
        (self.folder / "slurm.conf").write_text(conf)
        names = {"socket": "socket", "key-file": "key", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={self.folder}/munge.{ending}" for option, ending in names.items()]
        self.start_daemon("munged", "munged", "--foreground", "--force", *options)
        wait_until((self.folder / "munge.socket").exists, "munged listens")
        self.start_daemon("slurmctld", "slurmctld", "-D")
        for node in NODES:
            self.start_node(node)
        wait_until(lambda: self.idle_nodes() == set(NODES), "both nodes are idle")

    def idle_nodes(self) -> set[str]:
        command = ["sinfo", "-h", "-N", "-t", "idle", "-o", "%N"]
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=TIMEOUT)
        return set(result.stdout.split())

    def submit(self, *arguments: object) -> str:
        return self.run("sbatch", "--parsable", *arguments).strip()

    def wait(self, job: str) -> None:
        wait_until(lambda: not self.run("squeue", "-h", "-j", job).strip(), f"job {job} has ended")

    def tasks(self, job: str) -> dict[int, dict[str, str]]:
        """Array index -> what Slurm says of the task, of those that have started."""
        tasks = {}
        for line in self.run("scontrol", "show", "job", "-o", job).splitlines():
            values = dict(word.partition("=")[::2] for word in line.split())
            if values.get("ArrayTaskId", "").isdigit():
                tasks[int(values["ArrayTaskId"])] = values
        return tasks

    def kill_node(self, node: str) -> None:
        """As a power cut would: the daemon and all that runs there, at once."""
        kill(self.daemons[node].pid)
        self.daemons[node].wait()
        for process, environment in list(processes(self.folder)):
            if environment.get("SLURMD_NODENAME") == node:
                # slurmstepd, its parent, has no such variable.
                for each in (self.step_daemon(process), process):
                    if each:
                        kill(each)
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=killed")

    @staticmethod
    def step_daemon(process: int) -> int:
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
            if "slurmstepd" in Path(f"/proc/{parent}/comm").read_text():
                return parent
        return 0

    def stop(self) -> None:
        for daemon in self.daemons.values():
            daemon.kill()
            daemon.wait()
        for process, _ in list(processes(self.folder)):
            kill(process)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Slurm]:
    slurm = Slurm(folder)
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
