"""``crossdock demo real``: a real shop and a real ERP, two flows between them through Airflow.

People work in both: customers buy, the warehouse counts, somebody changes a price. Then everything
runs once more, and nothing is written any more, on neither side.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time

from crossdock import demo
from crossdock.commands import screen
from crossdock.home import Home
from crossdock.real import tryton, vendure
from crossdock.scheduler import LocalAirflow

ORDERS, STOCK = "vendure_orders", "tryton_stock"
GOODS = (("MUG-1", "Mug", 1000), ("CUP-1", "Cup", 501), ("JAR-1", "Jar", 749),
         ("PAN-1", "Pan", 3990), ("POT-1", "Pot", 2495), ("LID-1", "Lid", 333))  # fmt: skip
"""Number, name and price in cents, without tax."""

PEOPLE = (("Ada", "Okafor", "Bonn"), ("Bo", "Berg", "Kiel"), ("Cy", "Young", "Ulm"))
COUNTED, RAISED = 40, ("MUG-1", "12.50")


def play(*, keep: bool = False) -> int:
    """Run it; gives 0 when all books balanced and the second round wrote nothing, else 1."""
    start = time.monotonic()
    home = Home.find()
    demo.fresh(home)
    screen.say("Crossdock demo: a real Vendure shop and a real Tryton ERP on this machine.")
    screen.say("The first time, npm and pip fetch about 70 MB for them into a cache folder.")
    screen.say()
    signal.signal(signal.SIGTERM, demo.as_interrupt)
    with contextlib.ExitStack() as running:
        shop = demo.stage("Vendure (npm), with goods and orders", lambda: _shop(home, running))
        erp = demo.stage("Tryton (pip), with a company", lambda: _erp(home, running))
        variables = {**shop.variables(), **erp.variables()}
        os.environ.update(variables)
        extra = {**variables, "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
        airflow = LocalAirflow(home.project, home.state, extra=extra)
        with demo.spinner("Airflow: scheduler, API server, DAG processor") as said:
            running.enter_context(airflow)
            airflow.wait([ORDERS, STOCK])
            said("up")
        failed = demo.watch(airflow, (ORDERS,))
        screen.say(f"  The warehouse counts {COUNTED} of each; {RAISED[0]} costs {RAISED[1]} now")
        erp.count_stock({number: COUNTED for number, _, _ in GOODS})
        erp.set_price(*RAISED)
        failed += demo.watch(airflow, (STOCK,))
        screen.say("  And everything once more")
        before = stamps(shop, erp)
        failed += demo.watch(airflow, (ORDERS, STOCK))
        still = stamps(shop, erp) == before
        status = demo.show(home, (ORDERS, STOCK), failed)
        screen.say("The second round wrote nothing, on neither side." if still
                   else "The second round wrote something: that is a fault.")  # fmt: skip
        screen.say(f"Took {screen.seconds_since(start)}.")
        demo.links(home, airflow, keep)
        if keep:
            screen.say(f"Vendure: {shop.url}/admin-api  (user {vendure.USER}, {shop.password})")
            screen.say(f"Tryton:  {erp.url}  (user {tryton.USER}, {erp.password})")
            demo.wait_for_interrupt()
    return status if still else 1


def _shop(home: Home, running: contextlib.ExitStack) -> vendure.Shop:
    folder = home.state / "vendure"
    folder.mkdir()
    shop = running.enter_context(vendure.shop(folder))
    ids = [shop.offer(number, name, price, 100) for number, name, price in GOODS]
    for turn in range(9):
        first, last, city = PEOPLE[turn % len(PEOPLE)]
        buyer = {
            "firstName": first,
            "lastName": last,
            "emailAddress": f"{first.lower()}@example.com",
            "streetLine1": "12 High Street",
            "postalCode": "53111",
            "city": city,
        }
        basket = [(ids[turn % len(ids)], 1 + turn % 3), (ids[(turn + 2) % len(ids)], 1)]
        code = shop.buy(buyer, basket)
        if turn % 3 == 0:
            shop.ship(code, f"PARCEL-{turn}")
    return shop


def _erp(home: Home, running: contextlib.ExitStack) -> tryton.Erp:
    folder = home.state / "tryton"
    folder.mkdir()
    return running.enter_context(tryton.erp(folder))


def stamps(shop: vendure.Shop, erp: tryton.Erp) -> object:
    """Every date of change on both sides."""
    text = """{ productVariants { items { updatedAt stockLevels { updatedAt } } }
        customers { items { updatedAt addresses { updatedAt } } }
        orders { items { updatedAt } } }"""
    models = ("party.party", "party.address", "party.contact_mechanism", "product.template",
              "sale.sale", "sale.line", "stock.move", "account.invoice")  # fmt: skip
    dates = ["create_date", "write_date"]
    written = [erp.model(one, "search_read", [], 0, None, [["id", "ASC"]], dates) for one in models]
    return shop.admin(text), written
