"""Whose requests a page answers: those of the page itself, on this machine, and no others."""

import secrets
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Lets through what the page itself asks for, and a link to one of its `doors`; see the module.

    Doors are the only paths without the token, and the first one the only place that a link from elsewhere, such as the
    report's, may lead to. They hold no secret.
    """

    def __init__(self, app: ASGIApp, port: int, token: str, doors: Collection[str] = ()) -> None:
        self.app, self.token, self.doors = app, token, tuple(doors)
        self.hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = {"Cache-Control": "no-store"} | HEADERS
                there = {name.lower() for name, _ in message["headers"]}
                message["headers"] += [
                    (name.lower().encode(), value.encode())
                    for name, value in extra.items()
                    if name.lower().encode() not in there
                ]
            await send(message)

        refusal = self.refusal(scope)
        answered: ASGIApp = PlainTextResponse(refusal + "\n", 403) if refusal else self.app
        await answered(scope, receive, with_headers)

    def refusal(self, scope: Scope) -> str:
        """Why a request is refused; "" where it isn't."""
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self.hosts]:
            return "This page is only for this machine. Open it at 127.0.0.1."
        origins = {f"http://{host}" for host in self.hosts}
        writes = scope["method"] not in {"GET", "HEAD"}
        origin = headers.get("origin")
        # A browser names the origin of every POST.
        if (origin is not None or writes) and origin not in origins:
            return "This request comes from another page."
        linked = scope["path"] in self.doors[:1] and headers.get("sec-fetch-mode") == "navigate" and not writes
        if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not linked:
            return "This request comes from another site."
        if scope["path"] in self.doors:
            return ""
        word = scope["path"].split("/")[1]
        if word != "open" and not secrets.compare_digest(word.encode(), self.token.encode()):
            return "There is no page at this address, or it has ended. Open the address that the terminal shows."
        return ""
