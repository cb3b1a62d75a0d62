"""Loops that numba compiles. Importing this imports numba, half a second: only modules of such loops do."""

from collections.abc import Callable
from typing import Any, TypeVar, overload

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


@overload
def compiled(function: Function) -> Function: ...


@overload
def compiled(*, fastmath: set[str]) -> Callable[[Function], Function]: ...


def compiled(
    function: Function | None = None, *, fastmath: bool | set[str] = False
) -> Function | Callable[[Function], Function]:
    """`function`, compiled on the first call; it runs beside other threads.

    `fastmath` names what the compiler may do to sums and products of floats, as LLVM has it. The machine code is kept
    in __pycache__ beside the source, or where that is read-only in the user's cache folder; where neither can be
    written to, each process compiles for itself.
    """

    def compile_it(function: Function) -> Function:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": fastmath}
        try:
            machine_code: Function = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # "cannot cache function: no locator available"
            machine_code = numba.njit(**options)(function)
        return machine_code

    return compile_it if function is None else compile_it(function)
