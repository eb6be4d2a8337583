"""Trade by EDI with the sandbox partner, over SFTP, as a person would run it."""

from __future__ import annotations

import pytest

from tests.crossing.running import Hub

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]


def test_an_invoice_goes_out_and_a_changed_order_comes_in(hub: Hub) -> None:
    hub.run("partner_orders")
    hub.run("partner_despatch_advices", expect=(0,))  # nothing is billed that was not shipped
    books = hub.run("partner_invoices", expect=(0,))
    assert books["balanced"]
    assert books["by_target"]["partner.invoices_out"]["delivered"] == 1
    sent = sorted(path.name[:6] for path in (hub.home / "sandbox" / "partner" / "in").iterdir())
    assert sent == ["CONTRL", "DESADV", "INVOIC"]
    books = hub.run("partner_order_changes", expect=(0,))
    assert books["balanced"]
    assert books["by_target"]["erp.sales_order"]["delivered"] == 1
