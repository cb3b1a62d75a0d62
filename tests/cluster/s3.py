"""An S3-compatible server on this machine, moto's, and linecam with its results in a bucket of it."""

import os
import shlex
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from tests.conftest import Project

KEYS = {"SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "test", "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "test-secret"}
LIST = """
import sys, boto3
bucket, _, prefix = sys.argv[1].removeprefix("s3://").partition("/")
objects = boto3.resource("s3", region_name="us-east-1").Bucket(bucket).objects.filter(Prefix=f"{prefix}/")
print(*sorted(entry.key.removeprefix(f"{prefix}/") for entry in objects), sep="\\n")
"""
CREATE = """
import sys, boto3
boto3.resource("s3", region_name="us-east-1").create_bucket(Bucket=sys.argv[1])
"""
READ = """
import sys, boto3
bucket, _, key = sys.argv[1].removeprefix("s3://").partition("/")
sys.stdout.buffer.write(boto3.resource("s3", region_name="us-east-1").Object(bucket, key).get()["Body"].read())
"""


@dataclass
class Store:
    """A running server; `environment` has its address and the keys to it."""

    python: Path
    environment: dict[str, str]

    def names(self, prefix: str) -> list[str]:
        """The objects below `prefix`, s3://BUCKET/FOLDER, relative to it."""
        return self.run(LIST, prefix).decode().split()

    def read(self, query: str) -> bytes:
        return self.run(READ, query)

    def run(self, program: str, argument: str) -> bytes:
        """What a program of Python prints that finds the store in its environment."""
        environment = self.environment | {
            "AWS_ENDPOINT_URL": self.environment["SNAKEMAKE_STORAGE_S3_ENDPOINT_URL"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test-secret",
        }
        return subprocess.run(
            [self.python, "-c", program, argument], env=environment, check=True, capture_output=True
        ).stdout


@contextmanager
def store(python: Path, log: Path) -> Iterator[Store]:
    """Serve, with the bucket `bucket`; the environment of `python` has tests/cluster/requirements.txt."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Nothing of the user's own account: neither keys nor the files that hold them.
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SNAKEMAKE_STORAGE_"))}
    clean |= {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as file:
        server = subprocess.Popen(
            [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], env=clean, stdout=file, stderr=file
        )
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except urllib.error.HTTPError:  # it answers
                break
            except OSError:
                assert server.poll() is None, log.read_text(encoding="utf-8")
                time.sleep(0.1)
        running = Store(python, clean | KEYS | {"SNAKEMAKE_STORAGE_S3_ENDPOINT_URL": address})
        running.run(CREATE, "bucket")
        yield running
    finally:
        server.kill()
        server.wait()


@dataclass
class InBucket(Project):
    """A copy of the project that keeps its results in a bucket."""

    _: KW_ONLY  # a project has fields with defaults
    store: Store
    prefix: str
    flags: tuple[str, ...] = ("--profile", "profiles/s3", "--cores", "2")
    python: Path | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            *(self.python or self.store.python, "-m", "snakemake"),
            *(*self.flags, "--default-storage-prefix", self.prefix),
            *(*arguments, "--configfile", "config/test.yaml"),
        ]
        return self.run(command)

    def linecam(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(self.command(*arguments))

    def command(self, *arguments: str) -> list[str | Path]:
        """How `linecam` is called for a bucket."""
        options = shlex.join([*self.flags, "--default-storage-prefix", self.prefix])
        python = self.python or self.store.python
        return [python, "-m", "linecam", *arguments, "--configfile", "config/test.yaml", "--snakemake", options]

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.store.environment | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def read(self, path: str) -> bytes:
        return self.store.read(f"{self.prefix}/{path}")
