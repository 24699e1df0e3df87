"""First copy, verify and repair: documents of both sides, compared outside the streams (design section 5)."""
