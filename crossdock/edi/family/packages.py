"""Checks of packages: their numbers (SSCC) are right, are used once, and hold what is shipped."""

from __future__ import annotations

from collections.abc import Iterator

from crossdock.edi.family.case import Case, Misfit, check


@check
def sscc_valid(case: Case) -> Iterator[Misfit]:
    """An SSCC has 18 digits and the right check digit (GS1 General Specifications, 7.9)."""
    for number, sscc in _packages(case):
        if not _right(sscc):
            yield Misfit("packages.sscc", sscc, line=number)


@check
def sscc_once(case: Case) -> Iterator[Misfit]:
    """No package of the shipment has the number of another."""
    seen = set()
    for number, sscc in _packages(case):
        if sscc in seen:
            yield Misfit("packages.sscc", sscc, line=number)
        seen.add(sscc)


@check
def sscc_unused(case: Case) -> Iterator[Misfit]:
    """No package has the number of one in another shipment."""
    for number, sscc in _packages(case):
        if sscc in case.taken:
            yield Misfit("packages.sscc", sscc, case.taken[sscc], number)


@check
def package_known(case: Case) -> Iterator[Misfit]:
    """A line is in a package that the shipment lists."""
    known = {sscc for _, sscc in _packages(case)}
    for number, line in enumerate(case.lines, 1):
        if known and line.get("sscc") and line["sscc"] not in known:
            yield Misfit("sscc", line["sscc"], line=number)


@check
def package_inside_known(case: Case) -> Iterator[Misfit]:
    """A package that is inside another is inside one that the shipment lists."""
    known = {sscc for _, sscc in _packages(case)}
    for number, package in enumerate(case.document.get("packages") or [], 1):
        parent = package.get("parent_sscc")
        if parent and (parent not in known or parent == package.get("sscc")):
            yield Misfit("packages.parent_sscc", parent, line=number)


def _packages(case: Case) -> Iterator[tuple[int, str]]:
    for number, package in enumerate(case.document.get("packages") or [], 1):
        if package.get("sscc"):
            yield number, str(package["sscc"])


def _right(sscc: str) -> bool:
    """Say whether the check digit is right.

    >>> _right("340123450000000017"), _right("340123450000000012")
    (True, False)
    """
    if len(sscc) != 18 or not (sscc.isascii() and sscc.isdigit()):
        return False
    total = sum(int(digit) * (1 if at % 2 else 3) for at, digit in enumerate(sscc[:17]))
    return sscc[17] == str(-total % 10)
