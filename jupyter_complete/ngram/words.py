"""What people say when they ask, and the words that the documentation has for it."""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that say nothing of what a question is about.
STOPWORDS = _words(
    """
    a about all also am an and any are as be been between but by can could describe did
    difference do does done each else exactly example explain for from get give had
    happen has have how i if in into is it its just keyword know like make me mean means
    mine my need not of on one or please purpose python python's s should show so some t
    tell than that the their them then there these they thing this those to up use used
    uses using very was way we were what whats when where which while who why will with
    work works would you your
    """
)

# Keywords that are also common words: "with" is named in "what does with do".
COMMON_KEYWORDS = _words(
    """
    and as else for from if in is not or while with
    """
)

# Words that stand before and after a keyword that is named, and kinds of keywords.
BEFORE_A_NAME = _words(
    """
    a about an and are between define describe did do does explain is keyword of
    operator or statement the use used using versus vs
    """
)
AFTER_A_NAME = _words(
    """
    and block clause clauses do does expression for good instead keyword loop loops mean
    means operator or statement statements used versus vs work works
    """
)
KINDS = _words(
    """
    clause keyword loop loops operator statement statements
    """
)

QUESTION_WORDS = _words(
    """
    how it what when where which who whose why
    """
)

# Words that begin a sentence which only goes on from the one before.
LEADING_ON = _words(
    """
    ( also although and because but changed consequently conversely cpython e.g else
    finally first for further furthermore hence however i.e if in instead it its
    likewise moreover nor note once or otherwise rather second similarly since so such
    that then therefore these they third this those though thus unless until when where
    whereas while with
    """
)

# What people say, and what the documentation has for it: that counts, too.
RELATED_WORDS: Mapping[str, str] = {
    "f-string": "formatted string literal prefix",
    "fstring": "formatted string literal prefix",
    "walrus": "assignment expression `:=`",
    "ternary": "conditional expression",
    "define": "definition",
    "catch": "`except` clause",
    "handle": "handler `except`",
    "throw": "`raise`",
    "switch": "`match` `case`",
    "destructor": "__del__",
    "initializer": "__init__",
    "exponent": "power `**`",
    "exponentiation": "power `**`",
    "modulus": "modulo `%`",
    "null": "none",
    "elif": "`if`",
    "debug": "debugger",
    "decorator": "wrapped callable",
    "delete": "deletion `del` remove",
    "`except`": "exception handler",
    "definition": "define",
    "dictionary": "dict mapping",
    "dict": "dictionary",
    "loop": "`for` `while`",
    "constructor": "__init__ __new__",
    "inherit": "base class inheritance",
    "inheritance": "base class derived",
    "modulo": "`%` remainder",
    "remainder": "`%` modulo",
    "integer": "int",
    "int": "integer",
    "float": "floating-point floating",
    "string": "str",
    "boolean": "bool truth",
    "bool": "boolean truth",
    "true": "truth",
    "false": "truth",
    "error": "exception",
    "argument": "parameter call",
    "parameter": "argument",
    "default": "parameter",
    "scope": "namespace binding",
    "variable": "name binding",
    "decorate": "decorator",
    "annotate": "annotation",
    "metaclass": "metaclass",
    "iterator": "__iter__ __next__ iteration",
    "iterable": "iterator",
    "breakpoint": "debugger pdb",
    "unpack": "iterable unpacking",
    "identity": "`is`",
    "equality": "`==`",
    "`is`": "identity",
    "`==`": "equality comparison",
    "`!=`": "comparison",
    "`in`": "membership",
    "`//`": "floor division",
    "`/`": "division",
    "`%`": "modulo",
    "`**`": "power",
    "`if`": "conditional",
    "pattern": "`match` `case`",
    "mutable": "immutable",
    "immutable": "mutable",
    "garbage": "collected unreachable",
    "docstring": "documentation string __doc__",
    "module": "import",
    "package": "import",
    "regex": "regular expression",
    "anonymous": "lambda",
    "add": "sum addition `+`",
    "multiply": "product multiplication `*`",
    "divide": "division quotient",
}
