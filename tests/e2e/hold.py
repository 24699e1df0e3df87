"""For the browser's tests: gives a customer's document in MongoDB a name that MySQL cannot hold, so that it waits for a person.

`python -m tests.e2e.hold FOLDER CUSTOMER NAME`, where FOLDER is that of a running installation.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bson import ObjectId

from deploy.local.installation import DATABASE, Installation
from deploy.local.users import Role


def main(folder: str, customer: str, name: str) -> None:
    """As an application would write it."""
    with Installation(Path(folder)).open_mongo(Role.APP) as client:
        done = client[DATABASE]["customers"].update_one({"_id": ObjectId(customer)}, {"$set": {"name": name}})
        assert done.modified_count == 1


if __name__ == "__main__":
    main(*sys.argv[1:])
