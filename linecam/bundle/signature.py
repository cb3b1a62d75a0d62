"""Signatures of bundles: who built it, and that no byte has changed since.

A signature is a file of OpenSSF Model Signing over every file of the folder, made with a key of your own (elliptic
curve, PEM) and without any service: nothing is sent, nothing is asked for. Keep KEY.pem to yourself, hand out KEY.pub.
"""

import base64
import contextlib
import hashlib
import io
import json
import logging
import os
import stat
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from model_signing import hashing, signing, verifying

from linecam.errors import UserError
from linecam.files import atomic_write

PASSWORD = "LINECAM_KEY_PASSWORD"  # of the private key; an environment variable, so that it stands in no file
CURVES = {"secp256r1", "secp384r1", "secp521r1"}  # what Model Signing takes
MARK = ".snakemake_timestamp"  # Snakemake puts this empty file into a folder that a rule makes


def sign(folder: Path, signature: Path, key: Path, password: str | None = None) -> None:
    """Write the signature of every file in `folder`, made with the private `key` (PEM).

    Raises `UserError` where the key is missing or no such key, the password is wrong, or the folder holds anything but
    files.
    """
    secret = _read(key, "private key", "`linecam new-key KEY.pem` makes one.")
    bytes_of_password = password.encode() if password else None
    try:
        loaded: object = serialization.load_pem_private_key(secret, bytes_of_password)
    except TypeError:  # so cryptography says it
        state = "has no password, and one is set" if password else "has a password, and none is set"
        raise UserError(
            f"The private key {key} {state}. The password is taken from the environment variable {PASSWORD}: "
            f"{'unset' if password else 'set'} it and run the same command again."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(
            f"{key} could not be read as a private key"
            + (f": the password in {PASSWORD} is wrong, or the file is damaged. " if password else ". ")
            + "Expected is a PEM file with a private key on the elliptic curve P-256, such as "
            "`linecam new-key KEY.pem` makes."
        ) from None
    _check_curve(loaded, ec.EllipticCurvePrivateKey, key)
    _check_flat(folder)
    with atomic_write(signature) as temporary, contextlib.redirect_stdout(io.StringIO()):
        # The library hands the password on to cryptography, which wants bytes, whatever the library's type says.
        config = signing.Config().use_elliptic_key_signer(private_key=key, password=bytes_of_password)  # type: ignore[arg-type]
        config.set_hashing_config(_hashing()).sign(folder, temporary)
    logging.info("%s signed with %s: %s", folder, key, signature)


def verify(folder: Path, signature: Path, key: Path) -> None:
    """Check every file in `folder` against `signature`, made with the private key to the public `key` (PEM).

    Raises `UserError` that says what is wrong: a file changed, added or missing (named), another key, a damaged
    signature, or an argument that is none of these things.
    """
    pem = _read(key, "public key", "It is the .pub file that `new-key` wrote beside the private key.")
    if b"PRIVATE KEY" in pem:
        raise UserError(
            f"{key} is a private key, which can only sign. Verify with its public key, the .pub file beside it."
        )
    try:
        loaded: object = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise UserError(
            f"{key} could not be read as a public key. Expected is a PEM file with a key on the elliptic curve P-256, "
            "such as KEY.pub of `linecam new-key KEY.pem`."
        ) from None
    _check_curve(loaded, ec.EllipticCurvePublicKey, key)
    signed = _read(signature, "signature", "It lies beside the bundle's folder, as <board>.sig.")
    _check_flat(folder)
    config = verifying.Config().use_elliptic_key_verifier(public_key=key).set_hashing_config(_hashing())
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            config.verify(folder, signature)
    except InvalidSignature:
        raise UserError(
            f"Refused: {signature} was not made with the private key to {key}, or it was damaged or forged. Do not use "
            f"{folder}; get the bundle and its signature again from whoever built it."
        ) from None
    except Exception as error:  # on a damaged file the library raises whatever its parsers do
        if str(error).startswith("Key mismatch"):
            raise UserError(
                f"Refused: {signature} was made with another key than {key} (or is damaged). Verify with the public "
                "key of whoever built the bundle, or do not use it."
            ) from None
        if str(error).startswith("Signature mismatch"):  # the signature itself was found good before
            raise UserError(
                f"Refused: {folder} is not what was signed. {'; '.join(_differences(folder, signed))}. Do not use it; "
                "get the bundle again from whoever built it."
            ) from None
        raise UserError(
            f"Refused: {signature} is not a signature, or is damaged. Expected is the .sig file that was made with the "
            f"bundle; get it again from whoever built {folder}."
        ) from None


def new_key(path: Path, password: str | None = None) -> Path:
    """Write a new private key (elliptic curve P-256, PEM, mode 0600) and its public key; return the latter's path.

    The private key is encrypted where there is a `password`. Raises `UserError` where one of the files exists.
    """
    public = path.with_suffix(".pub")
    if path == public:
        raise UserError(f"{path} is the name of a public key. Give the private key another name, such as KEY.pem.")
    for there in (path, public):
        if os.path.lexists(there):
            raise UserError(
                f"{there} exists, and linecam does not overwrite it: bundles that were signed with the old key could "
                f"not be verified any more. Name another file, or move that one away."
            )
    key = ec.generate_private_key(ec.SECP256R1())
    encryption: serialization.KeySerializationEncryption = (
        serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    try:
        # Never readable for others, not even for a moment; O_EXCL: nor over a file that appeared since.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, 0o600)
            file.write(secret)
        with public.open("xb") as file:
            file.write(
                key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )
    except OSError as error:
        raise UserError(
            f"The key could not be written to {path} ({error.strerror}). Name a file in a folder that exists and that "
            "you may write to."
        ) from None
    return public


def _hashing() -> Any:
    """Every file counts, those that belong to git too; Snakemake's mark alone does not, for it goes with no copy."""
    return hashing.Config().set_ignored_paths(paths=[MARK], ignore_git_paths=False)


def _read(path: Path, what: str, where_from: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"The {what} {path} cannot be read ({error.strerror}). {where_from}") from None


def _check_curve(key: object, kind: type, path: Path) -> None:
    if not isinstance(key, kind) or key.curve.name not in CURVES:  # type: ignore[attr-defined]
        raise UserError(
            f"{path} is a key of another kind. Expected is one on the elliptic curve P-256 (P-384 and P-521 do, too), "
            "such as `linecam new-key KEY.pem` makes."
        )


def _check_flat(folder: Path) -> None:
    """Raise `UserError` unless `folder` holds files alone: a link or a folder could bring in what is unsigned."""
    if not folder.is_dir():
        hint = " Unzip it first, into a folder of its own." if folder.suffix == ".zip" and folder.is_file() else ""
        raise UserError(
            f"{folder} is not a folder. Give the folder of a bundle, such as results/belt/bundle/openmv-h7.{hint}"
        )
    for path in sorted(folder.iterdir()):
        state = path.lstat()
        if not stat.S_ISREG(state.st_mode):
            raise UserError(
                f"Refused: {path} is not a file, and a bundle holds files alone. Remove it if you put it there."
            )
        if path.name == MARK and state.st_size:
            raise UserError(f"Refused: {path} should be empty, and has {state.st_size} bytes. Remove it.")


def _differences(folder: Path, signed: bytes) -> list[str]:
    """In what the folder differs from what was signed; for a signature that was found good."""
    statement = json.loads(base64.b64decode(json.loads(signed)["dsseEnvelope"]["payload"]))
    expected = {entry["name"]: entry["digest"] for entry in statement["predicate"]["resources"]}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != MARK}
    groups = {
        "Changed": sorted(name for name in found.keys() & expected.keys() if found[name] != expected[name]),
        "Added": sorted(found.keys() - expected.keys()),
        "Missing": sorted(expected.keys() - found.keys()),
    }
    return [f"{what}: {', '.join(names)}" for what, names in groups.items() if names]
