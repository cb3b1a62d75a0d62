"""Signatures of bundles: what is refused, what the user is told, and that nothing leaves the machine."""

import json
import logging
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from linecam.bundle.signature import PASSWORD, new_key, sign, verify
from linecam.errors import UserError
from tests.conftest import ROOT, TINY, copy_project

FILES = {
    "model.tflite": bytes(range(256)) * 40,
    "labels.txt": b"bad\ngood\n",
    "main.py": b"print(1)\n",
    "manifest.json": b"{}\n",
    ".hidden": b"1",
}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A folder with files, signed: beside it are board.sig, key.pem and key.pub."""
    folder = tmp_path / "board"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    (folder / ".snakemake_timestamp").touch()
    new_key(tmp_path / "key.pem")
    sign(folder, tmp_path / "board.sig", tmp_path / "key.pem")
    return folder


def check(folder: Path) -> None:
    verify(folder, folder.parent / "board.sig", folder.parent / "key.pub")


def refusal(folder: Path) -> str:
    """What the user is told: one paragraph that says that the bundle is refused."""
    with pytest.raises(UserError) as error:
        check(folder)
    text = str(error.value)
    assert text.startswith("Refused: ")
    assert "\n" not in text
    return text


def test_what_was_signed_verifies(bundle: Path) -> None:
    check(bundle)


def test_a_copy_under_another_name_and_without_the_mark_of_snakemake_verifies(bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "a copy"
    shutil.copytree(bundle, copy, ignore=shutil.ignore_patterns(".snakemake_timestamp"))
    check(copy)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("at", [0, -1])
def test_a_changed_byte_is_refused_with_the_name_of_the_file(bundle: Path, name: str, at: int) -> None:
    content = bytearray(FILES[name])
    content[at] ^= 1
    (bundle / name).write_bytes(content)
    assert f"Changed: {name}." in refusal(bundle)


@pytest.mark.parametrize("name", ["virus.py", ".gitignore", ".gitattributes", "board.sig"])
def test_an_added_file_is_refused(bundle: Path, name: str) -> None:
    (bundle / name).write_bytes(b"")
    assert f"Added: {name}." in refusal(bundle)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(bundle: Path, name: str) -> None:
    (bundle / name).unlink()
    assert f"Missing: {name}." in refusal(bundle)


def test_everything_that_differs_is_named(bundle: Path) -> None:
    (bundle / "labels.txt").rename(bundle / "labels.bak")
    (bundle / "main.py").write_bytes(b"")
    assert "Changed: main.py; Added: labels.bak; Missing: labels.txt." in refusal(bundle)


def put_link(folder: Path) -> None:
    (folder / "main.py").rename(folder.parent / "main.py")
    (folder / "main.py").symlink_to(folder.parent / "main.py")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "more").mkdir(),
        lambda folder: (folder / ".git").mkdir(),
        put_link,
        lambda folder: os.mkfifo(folder / "pipe"),
        lambda folder: (folder / ".snakemake_timestamp").write_bytes(b"x"),
    ],
    ids=["folder", "git", "link", "pipe", "mark"],
)
def test_what_is_no_file_is_refused_and_not_signed(bundle: Path, change: Callable[[Path], object]) -> None:
    change(bundle)
    refusal(bundle)
    with pytest.raises(UserError, match="Refused"):
        sign(bundle, bundle.parent / "again.sig", bundle.parent / "key.pem")
    assert not (bundle.parent / "again.sig").exists()


def test_another_key_is_refused(bundle: Path) -> None:
    (bundle.parent / "key.pub").unlink()
    new_key(bundle.parent / "other.pem").rename(bundle.parent / "key.pub")
    assert "made with another key than" in refusal(bundle)


def test_a_signature_of_another_key_under_the_name_of_this_one_is_refused(bundle: Path) -> None:
    """The hint that names the key is no proof: the forger writes what is expected there."""
    signature = bundle.parent / "board.sig"
    hint = json.loads(signature.read_text())["verificationMaterial"]["publicKey"]["hint"]
    new_key(bundle.parent / "forger.pem")
    sign(bundle, signature, bundle.parent / "forger.pem")
    forged = json.loads(signature.read_text())
    forged["verificationMaterial"]["publicKey"]["hint"] = hint
    signature.write_text(json.dumps(forged))
    assert "was not made with the private key to" in refusal(bundle)
    del forged["verificationMaterial"]["publicKey"]["hint"]
    signature.write_text(json.dumps(forged))
    assert "was not made with the private key to" in refusal(bundle)


def test_the_signature_of_another_bundle_is_refused(bundle: Path) -> None:
    other = bundle.parent / "other"
    shutil.copytree(bundle, other)
    (other / "labels.txt").write_bytes(b"good\nbad\n")
    sign(other, bundle.parent / "board.sig", bundle.parent / "key.pem")
    assert "Changed: labels.txt." in refusal(bundle)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_signature_is_refused(bundle: Path, share: float) -> None:
    signature = bundle.parent / "board.sig"
    content = signature.read_bytes()
    signature.write_bytes(content[: int(len(content) * share)])
    assert "is not a signature, or is damaged" in refusal(bundle)


@pytest.mark.parametrize("content", [b"[]", b"{}", b"null", b"\xff\xfe", b'{"verificationMaterial": {}}', b"no JSON"])
def test_what_is_no_signature_is_refused(bundle: Path, content: bytes) -> None:
    (bundle.parent / "board.sig").write_bytes(content)
    assert "is not a signature, or is damaged" in refusal(bundle)


@pytest.mark.parametrize("part", ["payload", "sig"])
def test_a_changed_character_of_the_signature_is_refused(bundle: Path, part: str) -> None:
    signature = bundle.parent / "board.sig"
    value = json.loads(signature.read_text())
    where = value["dsseEnvelope"] if part == "payload" else value["dsseEnvelope"]["signatures"][0]
    content = where[part]
    for at in range(0, len(content) - 4, 29):
        where[part] = content[:at] + ("A" if content[at] != "A" else "B") + content[at + 1 :]
        signature.write_text(json.dumps(value))
        refusal(bundle)


def test_an_encrypted_key_needs_its_password(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = bundle.parent
    public = new_key(folder / "secret.pem", "open sesame")
    assert b"ENCRYPTED PRIVATE KEY" in (folder / "secret.pem").read_bytes()
    sign(bundle, folder / "secret.sig", folder / "secret.pem", "open sesame")
    verify(bundle, folder / "secret.sig", public)
    for password, why in ((None, "has a password, and none is set"), ("wrong", f"password in {PASSWORD} is wrong")):
        with pytest.raises(UserError, match=why) as error:
            sign(bundle, folder / "again.sig", folder / "secret.pem", password)
        assert "wrong" not in str(error.value).replace("is wrong", "")
    with pytest.raises(UserError, match="has no password, and one is set"):
        sign(bundle, folder / "again.sig", folder / "key.pem", "open sesame")
    assert not (folder / "again.sig").exists()


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> tuple[bytes, bytes]:
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return secret, public


WRONG_KEYS = {
    "missing": (None, "cannot be read"),
    "empty": ((b"", b""), "could not be read as a"),
    "text": ((b"hello", b"hello"), "could not be read as a"),
    "ed25519": (pem(ed25519.Ed25519PrivateKey.generate()), "key of another kind"),
    "another curve": (pem(ec.generate_private_key(ec.SECP256K1())), "key of another kind"),
}


@pytest.mark.parametrize("kind", WRONG_KEYS)
def test_a_wrong_key_is_a_clear_error(bundle: Path, kind: str) -> None:
    content, why = WRONG_KEYS[kind]
    secret, public = bundle.parent / "wrong.pem", bundle.parent / "wrong.pub"
    if content:
        secret.write_bytes(content[0])
        public.write_bytes(content[1])
    with pytest.raises(UserError, match=f"wrong.pem .*{why}|{why}.*wrong.pem"):
        sign(bundle, bundle.parent / "again.sig", secret)
    with pytest.raises(UserError, match=f"wrong.pub .*{why}|{why}.*wrong.pub"):
        verify(bundle, bundle.parent / "board.sig", public)


def test_the_wrong_half_of_a_key_is_a_clear_error(bundle: Path) -> None:
    with pytest.raises(UserError, match="is a private key, which can only sign"):
        verify(bundle, bundle.parent / "board.sig", bundle.parent / "key.pem")
    with pytest.raises(UserError, match="could not be read as a private key"):
        sign(bundle, bundle.parent / "again.sig", bundle.parent / "key.pub")


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP521R1()])
def test_larger_curves_do_too(bundle: Path, curve: ec.EllipticCurve) -> None:
    secret, public = pem(ec.generate_private_key(curve))
    (bundle.parent / "large.pem").write_bytes(secret)
    (bundle.parent / "key.pub").write_bytes(public)
    sign(bundle, bundle.parent / "board.sig", bundle.parent / "large.pem")
    check(bundle)


@pytest.mark.parametrize("name", ["board.zip", "nothing"])
def test_what_is_no_folder_is_a_clear_error(bundle: Path, name: str) -> None:
    path = bundle.parent / name
    if path.suffix:
        path.write_bytes(b"PK")
    with pytest.raises(UserError, match="is not a folder") as error:
        verify(path, bundle.parent / "board.sig", bundle.parent / "key.pub")
    assert ("Unzip it first" in str(error.value)) == (name == "board.zip")


def test_a_new_key_is_for_its_owner_alone_and_overwrites_nothing(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        public = new_key(tmp_path / "my.pem")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "my.pem").stat().st_mode) == 0o600
    assert public == tmp_path / "my.pub"
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UserError, match="exists, and linecam does not overwrite it"):
        new_key(tmp_path / "my.pem")
    with pytest.raises(UserError, match="the name of a public key"):  # the private one would be handed out
        new_key(tmp_path / "other.pub")
    assert not (tmp_path / "other.pub").exists()
    (tmp_path / "my.pem").rename(tmp_path / "moved.pem")
    with pytest.raises(UserError, match=r"my\.pub exists"):
        new_key(tmp_path / "my.pem")
    assert (tmp_path / "my.pub").read_bytes() == before["my.pub"]
    with pytest.raises(UserError, match="could not be written"):
        new_key(tmp_path / "nowhere/my.pem")


def test_the_commands(bundle: Path) -> None:
    def linecam(*arguments: str, **environment: str) -> tuple[int, str]:
        environment = {name: value for name, value in os.environ.items() if name != PASSWORD} | environment
        run = subprocess.run(
            [sys.executable, "-m", "linecam", *arguments],
            cwd=bundle.parent,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return run.returncode, run.stdout

    status, printed = linecam("new-key", "mine.pem")
    assert status == 0
    assert printed.startswith("mine.pem is the private key, without a password")
    assert linecam("sign", "board", "--key", "mine.pem") == (0, "board signed with mine.pem: board.sig\n")
    verify = ("verify", "board", "--signature", "board.sig", "--key", "mine.pub")
    assert linecam(*verify) == (0, "board is exactly what was signed with the private key of mine.pub.\n")
    (bundle / "labels.txt").write_bytes(b"")
    status, printed = linecam(*verify)
    assert status == 1
    assert printed.startswith("Refused: board is not what was signed. Changed: labels.txt.")
    assert len(printed.splitlines()) == 1
    assert "encrypted" in linecam("new-key", "locked.pem", **{PASSWORD: "open sesame"})[1]
    status, printed = linecam("sign", "board", "--key", "locked.pem")
    assert (status, "has a password, and none is set" in printed) == (1, True)
    assert linecam("sign", "board", "--key", "locked.pem", "--signature", "x.sig", **{PASSWORD: "open sesame"})[0] == 0
    assert (bundle.parent / "x.sig").exists()


def test_bundles_are_signed_where_a_key_is_configured_and_only_there(tmp_path: Path) -> None:
    config = TINY | {"dataset": {"name": "tiny", "kind": "belt"}}
    boards = {"boards": ["openmv-h7", "openmv-h7-plus"]}
    project = copy_project(tmp_path / "project", config | {"bundle": boards})
    assert "sign" not in project.planned()
    project.configure(config | {"bundle": boards | {"signing_key": "secret-name.pem"}})
    new_key(project.folder / "secret-name.pem")
    printed = project.build("--dry-run")
    assert "Traceback" not in printed
    assert "secret-name" not in printed
    assert project.planned()["sign"] == 2


# Ends the process at the first thing that would reach the network. As it is imported, urllib3 binds a socket to ::1 to
# see whether there is IPv6, which reaches nothing.
GUARDED = """
import os, sys
def guard(event, arguments):
    harmless = event == "socket.__new__" or event == "socket.bind" and arguments[1] == ("::1", 0)
    if (event.startswith("socket.") or event in ("http.client.connect", "subprocess.Popen")) and not harmless:
        os.write(2, f"{event} {arguments}\\n".encode())
        os._exit(9)
sys.addaudithook(guard)
from pathlib import Path
from linecam.bundle.signature import new_key, sign, verify
new_key(Path("quiet.pem"))
sign(Path("board"), Path("quiet.sig"), Path("quiet.pem"))
verify(Path("board"), Path("quiet.sig"), Path("quiet.pub"))
"""


def test_nothing_is_sent_and_nothing_is_said(bundle: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", GUARDED],
        cwd=bundle.parent,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "HOME": str(bundle.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert not (bundle.parent / "home").exists(), "nothing is cached either"


def test_the_secret_stays_in_its_file(bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "".join((bundle.parent / "key.pem").read_text().splitlines()[1:-1])
    sign(bundle, bundle.parent / "board.sig", bundle.parent / "key.pem")
    written = (bundle.parent / "board.sig").read_text() + caplog.text
    assert all(secret[at : at + 20] not in written for at in range(0, len(secret) - 20, 5))
