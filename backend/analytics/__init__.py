"""The domain: customers, accounts and transactions as normalised tables and as documents."""
