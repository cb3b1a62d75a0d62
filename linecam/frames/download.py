"""Files over HTTP, each checked by its SHA-256, with patience for what passes."""

import hashlib
import http.client
import time
import urllib.error
import urllib.request

from linecam.errors import text_of

TIMEOUT = 30.0  # seconds without a byte
MAX_BYTES = 5_000_000  # of one frame; they have 5 to 20 kB
ATTEMPTS = 4
PAUSE = 1.0  # seconds before the second attempt, twice as long before each further one
MAX_PAUSE = 60.0  # seconds, where the server asks for more
PASSING = {408, 425, 429}  # answers besides 5xx that another attempt may change


class DownloadError(Exception):
    """What could not be downloaded, and why."""


def download(address: str, digest: str) -> bytes:
    """The content at `address`, whose SHA-256 is `digest`.

    Tries again after what may pass: 5xx, a broken connection, a wrong content. Raises `DownloadError` when it does not.
    """
    pause = 0.0
    for attempt in range(ATTEMPTS):
        time.sleep(pause)
        pause = PAUSE * 2**attempt
        try:
            content = read(address)
        except urllib.error.HTTPError as error:
            error.close()
            why = f"the server answers {error.code} {error.reason}"
            if error.code < 500 and error.code not in PASSING:
                break
            asked = error.headers.get("Retry-After", "")
            pause = max(pause, min(float(asked) if asked.isdecimal() else 0.0, MAX_PAUSE))
        except (OSError, http.client.HTTPException) as error:
            why = text_of(error)
        except ValueError as error:
            why = f"this is not an address ({error})"
            break
        else:
            found = hashlib.sha256(content).hexdigest()
            if found == digest:
                return content
            why = f"its SHA-256 is {found}, not {digest}"
    raise DownloadError(f"{address} could not be downloaded: {why}.")


def read(address: str) -> bytes:
    """The body of the answer. Raises `OSError` or `HTTPException` where it breaks off, is too large or too slow."""
    content = bytearray()
    deadline = time.monotonic() + 4 * TIMEOUT
    with urllib.request.urlopen(address, timeout=TIMEOUT) as response:
        while block := response.read1(65536):
            content += block
            if len(content) > MAX_BYTES:
                raise OSError(f"it has more than {MAX_BYTES} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"it took more than {4 * TIMEOUT:g} seconds")
        if response.length:
            raise OSError(f"the connection broke off, {response.length} bytes are missing")
    return bytes(content)
