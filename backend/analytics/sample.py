"""Generated documents of the sample_analytics shape: the same number always gives the same data. No I/O.

Sizes and oddities follow the real set: 1 to 6 accounts a customer (1,746 for 500), tiers for about half of them, one
customer with `active`, birthdates before 1970, addresses of two lines, prices with all digits of a binary fraction.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from bson import ObjectId

Document = dict[str, object]

#: Accounts for 500 customers in the real set.
ACCOUNTS_OF_500 = 1746
MOST_ACCOUNTS = 6
MOST_ENTRIES = 100
#: The first customer has this e-mail, so that a person who logs in by it finds something that is theirs.
FIRST_EMAIL = "customer@example.com"

GIVEN = (
    "Ada", "Alan", "Barbara", "Claude", "Donald", "Edith", "Frances", "Grace", "Hedy", "Ingrid", "Jean", "Katherine",
    "Leslie", "Margaret", "Niklaus", "Olga", "Peter", "Radia", "Sophie", "Tim", "Ursula", "Vint", "Wilhelm", "Zoë",
)  # fmt: skip
FAMILY = (
    "Allen", "Bartik", "Clarke", "Dijkstra", "Easley", "Floyd", "Goldberg", "Hopper", "Iverson", "Johnson", "Kay",
    "Lovelace", "Moore", "Naur", "Ørsted", "Perlman", "Ritchie", "Shannon", "Tarjan", "Turing", "Wilkes", "Yao",
)  # fmt: skip
STREETS = ("Abbey Road", "Canal Street", "Garden Lane", "Harbour Way", "Mill Road", "Orchard Row", "Station Road")
TOWNS = ("Alderton", "Brookfield", "Cedarville", "Dunmore", "Eastwick", "Fairhaven", "Greenport", "Hillcrest")
TIERS = ("Bronze", "Silver", "Gold", "Platinum")
BENEFITS = (
    "24 hour dedicated line", "airline lounge access", "car rental insurance", "concert tickets", "concierge services",
    "dedicated account representative", "financial planning assistance", "shopping discounts", "sports tickets",
    "travel insurance",
)  # fmt: skip
PRODUCTS = ("Brokerage", "Commodity", "CurrencyService", "Derivatives", "InvestmentFund")
SYMBOLS = ("adbe", "amd", "amzn", "bb", "crm", "csco", "ebay", "goog", "ibm", "intc", "msft", "nflx", "nvda", "sap")


@dataclass(frozen=True, slots=True)
class Sample:
    """One set of data: which accounts each customer has. Documents are made when they are asked for."""

    seed: int
    #: Account numbers of each customer.
    numbers: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, customers: int, seed: int) -> "Sample":
        """Data for so many customers (at least 1)."""
        random = Random(f"{seed}/accounts")
        counts = _counts(random, customers)
        drawn = random.sample(range(100_000, 100_000 + 4 * sum(counts)), sum(counts))
        left = iter(drawn)
        return cls(seed, tuple(tuple(next(left) for _ in range(count)) for count in counts))

    @property
    def sizes(self) -> dict[str, int]:
        """Documents of each collection, in the order in which they are best written."""
        accounts = sum(len(numbers) for numbers in self.numbers)
        return {"customers": len(self.numbers), "accounts": accounts, "transactions": accounts}

    def documents(self, collection: str) -> Iterator[Document]:
        """The documents of a collection, as pymongo would hand them over."""
        random = Random(f"{self.seed}/{collection}")
        if collection == "customers":
            for place, numbers in enumerate(self.numbers):
                yield _customer(random, place, numbers)
            return
        make = _account if collection == "accounts" else _bucket
        for place, number in enumerate(number for numbers in self.numbers for number in numbers):
            yield make(random, place, number)


def _counts(random: Random, customers: int) -> list[int]:
    """Accounts of each customer: 1 to 6, with the real set's total to scale."""
    wanted = round(customers * ACCOUNTS_OF_500 / 500)
    counts = [random.randint(1, MOST_ACCOUNTS) for _ in range(customers)]
    while (off := wanted - sum(counts)) != 0:
        step = 1 if off > 0 else -1
        movable = [place for place, count in enumerate(counts) if 1 <= count + step <= MOST_ACCOUNTS]
        for place in random.sample(movable, min(abs(off), len(movable))):
            counts[place] += step
    return counts


def _object_id(random: Random, place: int) -> ObjectId:
    """Ascending with the place; the rest is drawn."""
    return ObjectId(f"{0x5C000000 + place:08x}{random.getrandbits(64):016x}")


def _customer(random: Random, place: int, numbers: tuple[int, ...]) -> Document:
    given, family = random.choice(GIVEN), random.choice(FAMILY)
    username = f"{given}.{family}{place}".lower()
    tiers = {f"{random.getrandbits(128):032x}": _tier(random) for _ in range(random.choice((0, 0, 0, 1, 2, 3)))}
    street = f"{random.randint(1, 9999)} {random.choice(STREETS)}"
    return {
        "_id": _object_id(random, place),
        "username": username,
        "name": f"{given} {family}",
        "address": f"{street}\n{random.choice(TOWNS)}, {random.randint(10000, 99999)}",
        "birthdate": datetime(1962, 1, 1) + timedelta(seconds=random.randrange(40 * 365 * 86400)),  # noqa: DTZ001 - UTC, as BSON dates are
        "email": FIRST_EMAIL if place == 0 else f"{username}@example.com",
        **({"active": True} if place == 0 else {}),
        "accounts": list(numbers),
        "tier_and_details": {key: {"id": key, **tier} for key, tier in tiers.items()},
    }


def _tier(random: Random) -> Document:
    return {
        "tier": random.choice(TIERS),
        "active": random.random() < 0.5,
        "benefits": sorted(random.sample(BENEFITS, random.randint(1, 2))),
    }


def _account(random: Random, place: int, number: int) -> Document:
    return {
        "_id": _object_id(random, place),
        "account_id": number,
        "limit": 10_000 if random.random() < 0.97 else random.randint(3, 9) * 1000,
        "products": [*random.sample(PRODUCTS, random.randint(0, 4)), "InvestmentStock"],
    }


def _bucket(random: Random, place: int, number: int) -> Document:
    entries = [_entry(random) for _ in range(random.randint(1, MOST_ENTRIES))]
    dates = [entry["date"] for entry in entries]
    return {
        "_id": _object_id(random, place),
        "account_id": number,
        "transaction_count": len(entries),
        "bucket_start_date": min(dates),  # type: ignore[type-var]  # all are dates
        "bucket_end_date": max(dates),  # type: ignore[type-var]  # as above
        "transactions": entries,
    }


def _entry(random: Random) -> Document:
    amount = random.randint(1, 10_000)
    price = Decimal(random.uniform(1, 1000))
    return {
        "date": datetime(1962, 1, 2) + timedelta(days=random.randrange(20_000)),  # noqa: DTZ001 - UTC, as BSON dates are
        "amount": amount,
        "transaction_code": random.choice(("buy", "sell")),
        "symbol": random.choice(SYMBOLS),
        "price": str(price),
        "total": str(price * amount),  # 28 digits, as in the real set
    }
