"""Trade by EDI with the sandbox partner, over SFTP, as a person would run it."""

from __future__ import annotations

import pytest

from tests.crossing.running import Hub

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]


def test_an_invoice_goes_out_and_a_changed_order_comes_in(hub: Hub) -> None:
    hub.run("partner_orders")
    books = hub.run("partner_invoices", expect=(0,))
    assert books["balanced"]
    assert books["by_target"]["partner.invoices_out"]["delivered"] == 1
    (sent,) = (hub.home / "sandbox" / "partner" / "in").iterdir()
    assert sent.name.startswith("INVOIC_00000000000001_")
    books = hub.run("partner_order_changes", expect=(0,))
    assert books["balanced"]
    assert books["by_target"]["erp.sales_order"]["delivered"] == 1
