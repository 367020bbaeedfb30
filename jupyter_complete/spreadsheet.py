"""What goes into a cell of a CSV file: a spreadsheet must not take it for a formula."""

from __future__ import annotations

import re
from numbers import Number

# Spreadsheets look past white space, quotes and what cannot be seen, and take the
# full-width forms for the characters they stand for.
_FORMULA = re.compile(
    "[\\s\"'`\x00-\x1f\x7f-\xa0\xad\u034f\u061c\u115f\u180e\u200b-\u200f\u2028-\u202f"
    "\u205f-\u206f\u3000\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe63\ufe62\ufe66"
    "\ufe6b]|[\t\r\n]"
)


def cell(value: object) -> object:
    """Return the value; text that could be a formula begins with an apostrophe.

    Numbers stay numbers, as in -1.5.
    """
    if value is None or isinstance(value, Number):
        return value
    text = str(value)
    return f"'{text}" if _FORMULA.match(text) else text
