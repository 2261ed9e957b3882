"""The lexemes of a failure message, and what each is by itself: a mask for a value, or a word that stays.

Cutting and judging only; the rules that look at neighbours are in masking.py.
"""

import re
from collections.abc import Callable
from typing import Final

# A mask is a lexeme too, so that masking a masked line changes nothing.
MASK: Final = r"<[a-z]+>"
VALUE: Final = "<value>"

# Letters of scripts that put no space between words (Thai, Lao, Burmese, Khmer, Chinese, Japanese), and Korean, where
# particles follow a name without a space: a value ends where they begin. Their digits are left out.
UNSPACED: Final = (
    r"\u0e00-\u0e4f\u0e5a-\u0ecf\u0eda-\u0eff\u1000-\u103f\u104a-\u109f\u1780-\u17df\u2e80-\u3007\u3012-\u312f"
    r"\u3190-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff00-\uff0f\uff1a-\uffef"
)
# A word ends at one of these.
DELIMITERS: Final = r"\s,;=()\[\]{}<>|\"'`:\u201c\u201d\u201e\u00ab\u00bb\u300c-\u300f"

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_CLOCK = r"\d\d?:\d\d(?::\d\d)?(?:[.,]\d++)?"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_NUMBER = r"\d++(?:[.,]\d++){0,4}"
_GROUP = r"[0-9A-Fa-f]{1,4}"
_IPV6_OR_MAC = (
    rf"(?:(?:{_GROUP}:){{2,31}}{_GROUP}|(?:{_GROUP}(?::{_GROUP}){{0,6}})?::(?:{_GROUP}(?::{_GROUP}){{0,6}})?)"
)
_UNIT = (
    r"(?:(?:\s?(?:[num\u00b5\u03bc]s|msecs?|millis|(?:milli|micro|nano)?sec(?:ond)?s?|mins?|minutes?|hrs?|hours?|days?"
    r"|weeks?|bytes?|bits?|[kKMGTP]i?[bB]|[KMGTP]i|B|[kKMG]?Hz|%|percent)|\ss|[smhdbkKMGTP])(?:/s)?(?:\(s\))?)"
)
_UUID_TEXT = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_ASSIGNED = r"\"[^\"\n]*+\"|'[^'\n]*+'|\[[^\[\]\n]*+\]|\{[^{}\n]*+\}"
_STATE = r"(?:on|off|ok|up|down|yes|no|true|false|enabled|disabled)"
_ITEM = r"[^\s,\[\]()<>\"']{1,80}"
_METHOD = r"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|CONNECT|TRACE)"

# The most specific first. Nothing captures, so that findall gives the lexemes; repetitions are possessive or bounded,
# so that no text is slow.
LEXEME: Final = re.compile(
    "|".join(
        (
            r"\s+",
            # Most words are nothing else; this spares them all other alternatives.
            r"[a-z]++(?=[ ,;)\]]|\Z)",
            MASK,
            # The mark that redaction leaves.
            r"\[redacted:[0-9a-f]{16}\]",
            # The request line of an access log, and the key of a JSON object.
            rf"\"{_METHOD}\s[^\"\n]*+\"",
            r"[{,]\s*+\"[\w.-]{1,60}\"\s?:",
            # What is quoted. An apostrophe within a word is no quote.
            r"\"(?:[^\"\\\n]++|\\.)*+\"",
            r"'(?<!\w')[^'\n]++'(?!\w)",
            r"`[^`'\n]++[`'](?!\w)",
            r"[\u201c\u201e][^\u201c\u201d\u201e\n]*+[\u201c\u201d]",
            r"\u00ab[^\u00ab\u00bb\n]*+\u00bb|\u300c[^\u300c\u300d\n]*+\u300d|\u300e[^\u300e\u300f\n]*+\u300f",
            # Dates and times.
            rf"{_DAY},?\s(?:\d\d?\s)?{_MONTH}\s+\d{{1,4}}(?:,?\s{_CLOCK})?(?:\s[A-Z]{{3,4}}\b)?{_ZONE}(?:\s\d{{4}})?(?!\w)",
            rf"{_MONTH}\s+\d\d?(?:,?\s\d{{4}})?(?:,?\s{_CLOCK})?{_ZONE}(?!\w)",
            rf"\d{{1,4}}[-/.]\d\d?[-/.]\d{{1,4}}(?:[T ]{_CLOCK})?{_ZONE}(?![\w.:])",
            # With colons in them: URLs, paths with a drive, IPv6, MAC and digests written in pairs of digits.
            r"[A-Za-z][A-Za-z0-9+.-]{1,12}://[^\s\"'<>]*[^\s\"'<>,;.)\]}]",
            r"[A-Za-z]:\\[^\s\"'<>|,;]*+",
            r":{3,}+",
            rf"(?<!\w){_IPV6_OR_MAC}(?:[.,]\d++)?(?![\w:])",
            rf"{_CLOCK}(?![\w:])",
            # Before numbers: one in 200 begins like a number with its unit ("7769297d-": days).
            rf"{_UUID_TEXT}(?=\.?(?:[{DELIMITERS}]|\Z))",
            # A number with its unit, with a bound ("~2 min") and said again in another unit: "2048 bytes (2 KiB)".
            rf"[<>~]?\s?[-+]?{_NUMBER}{_UNIT}(?:\s\({_NUMBER}{_UNIT}\))?(?![\w/])",
            r"\d{1,3}(?:,\d{3})++(?!\w)",
            # What is assigned is a value, also when it is nothing.
            rf"=(?<=[\w\])]=)(?![=>~])(?:{_ASSIGNED}|[^\s,;&)}}\]|\"']*+)",
            rf"=(?<=\s=)(?![=>~])\s++(?:{_ASSIGNED}|[^\s,;&)}}\]|\"']++)",
            # A plural ("file(s)"), states ("(on off)"), the argument of a call ("open(config)"), an enumeration.
            r"\((?<=\w\()e?s\)(?!\w)",
            rf"\(\s*+{_STATE}(?:[\s,]+{_STATE})*+\s*\)",
            r"\((?<=\w\()[^\W\d_][\w./-]*+\)",
            rf"\[\s*+{_ITEM}(?:,\s*+{_ITEM})++\s*\]",
            # A word, or a host with its port.
            rf"[{UNSPACED}]++",
            rf"[^{DELIMITERS}{UNSPACED}]++(?::\d++(?!\w|\.\w|:\d))?",
            r".",
        )
    )
)

_UUID = re.compile(_UUID_TEXT)
_IP = re.compile(r"/?(?:[\w.-]+/)?\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?:/\d+)?")
_COLON_ADDRESS = re.compile(rf"{_IPV6_OR_MAC}(?:[.,]\d+)?")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+|(?=\d*[a-fA-F])(?=[a-fA-F]*\d)[0-9a-fA-F]{6,}")
_QUANTITY = re.compile(
    rf"[<>~#$\u20ac\u00a3+-]*\s?[+-]?{_NUMBER}(?:[eE][+-]?\d+|{_UNIT}(?:\s\({_NUMBER}{_UNIT}\))?|%)?"
)
_TIME = re.compile(rf"{_DAY},?\s.*|{_MONTH}\s.*|{_CLOCK}|\d{{1,4}}[-/.]\d\d?[-/.]\d{{1,4}}(?:[T ]{_CLOCK})?{_ZONE}")
_DIGIT = re.compile(r"\d")
_LETTER = re.compile(r"[^\W\d_]")

# A qualified name, such as a package or a service names itself. Most say where, not what; the type of an exception says
# what happened.
_QUALIFIED = re.compile(
    r"(?:org|com|net|io|edu|gov|dev|app|java|javax|jdk|sun|scala|kotlin|android|androidx|cn|de|uk|me|tv)(?:\.[\w$-]+)+"
)
_WHAT_HAPPENED = re.compile(r"(?:Exception|Error|Fault|Failure|Throwable|Warning|Timeout|Interrupt|Exit|[A-Z_]{2,})\Z")
_CODE_NAME = re.compile(r"(?:[A-Za-z_]\w*\.)+[A-Z][A-Za-z]+")
# A host is known by its last label, two to four letters or a private zone; a file by an extension, mostly as short.
_HOST_OR_FILE = re.compile(
    r"(?:\*\.)?(?:[A-Za-z0-9_-]+\.)+"
    r"(?:[a-z]{2,4}|local|localdomain|localhost|internal|private|intra|example|invalid|test|home|cluster|cloud|info"
    r"|properties|service|socket|target|timer|mount|plist)"
)
# Ports by which a bare word before the colon is known as a host; any other number behind a colon is just a number.
_PORTS = frozenset(
    {"21", "22", "23", "25", "53", "80", "110", "143", "389", "443", "465", "587", "636", "993", "995", "1433", "1521"}
    | {"2181", "2379", "3000", "3128", "3306", "3389", "5000", "5432", "5601", "5672", "5900", "6379", "6443", "8000"}
    | {"8008", "8080", "8081", "8443", "8888", "9000", "9090", "9092", "9200", "11211", "15672", "27017"}
)
_LABELS = frozenset(
    {"attempt", "code", "count", "errno", "error", "exit", "id", "index", "len", "length", "level", "limit", "line"}
    | {"max", "min", "offset", "pid", "port", "rc", "retry", "rows", "size", "status", "step", "time", "total", "uid"}
    | {"value", "version"}
)
_NO_VALUE = frozenset(("true", "false", "null", "none", "nil", "undefined", "nan"))
# Words with a digit that are words.
_TERMS = frozenset(
    ("ipv4", "ipv6", "http2", "http3", "oauth2", "utf8", "utf-8", "base64", "md5", "sha1", "sha256", "x509")
)

# What is quoted and has as many spaces is a sentence, hence no value.
_SENTENCE_SPACES: Final = 3


def judge(lexeme: str) -> str:
    """The lexeme itself where it is a constant of the message, else a mask; of a quoted sentence, its words judged."""
    if lexeme.isalpha():
        return VALUE if lexeme.lower() in _NO_VALUE else lexeme
    first = lexeme[0]
    if first.isspace():
        return " "
    if len(lexeme) == 1:
        return "<number>" if lexeme.isdigit() else lexeme
    if first in _DELIMITED:
        return _DELIMITED[first](lexeme)
    core = lexeme.rstrip(".!?\u2026")
    return _word(core) + lexeme[len(core) :] if core else lexeme


def _word(word: str) -> str:
    if "://" in word:
        return "<url>"
    if "." in word and _IP.fullmatch(word):
        return "<address>"
    if word.startswith(("/", "./", "~/", "../")) or "\\" in word or word.count("/") > 1:
        return "<path>" if len(word) > 1 else word
    if "@" in word[1:-1]:
        return "<address>"
    if "/" in word and "." in word:
        return "<path>"
    if "." in word:
        if _QUALIFIED.fullmatch(word):
            return word if _WHAT_HAPPENED.search(word) else "<name>"
        if _CODE_NAME.fullmatch(word):
            return word
    if _DIGIT.search(word) is None:
        if ":" in word:
            return "<address>" if _COLON_ADDRESS.fullmatch(word) else word
        return "<host>" if "." in word and len(word) > 4 and _HOST_OR_FILE.fullmatch(word) else word
    return _with_digits(word)


def _with_digits(word: str) -> str:
    if word.lower() in _TERMS:
        return word
    for shape, mask in _SHAPES:
        if shape.fullmatch(word):
            return mask
    name, colon, number = word.rpartition(":")
    if colon and "." not in name and _LETTER.match(name):
        known_as_host = number in _PORTS and name.islower() and name not in _LABELS
        return "<address>" if known_as_host else f"{_word(name)}:<number>"
    return "<address>" if colon else "<id>"


def _angled(lexeme: str) -> str:
    return lexeme if lexeme[-1] == ">" else "<number>"


def _bracketed(lexeme: str) -> str:
    return "<secret>" if lexeme.startswith("[redacted:") else "[<list>]"


def _quoted(lexeme: str) -> str:
    method, space, _ = lexeme[1:].partition(" ")
    if space and _REQUEST.fullmatch(method):
        return f"{method} <path>"
    inner = lexeme[1:-1]
    if inner.count(" ") < _SENTENCE_SPACES:
        return "<quoted>"
    return " " + "".join(map(judge, LEXEME.findall(inner))) + " "


def _json_key(lexeme: str) -> str:
    return f"{lexeme[0]} {lexeme.split(chr(34))[1]}:"


def _assigned(lexeme: str) -> str:
    return "= <value>" if lexeme[1].isspace() else "=<value>"


def _parenthesised(lexeme: str) -> str:
    return "" if lexeme in ("(s)", "(es)") else "(<value>)"


_REQUEST = re.compile(_METHOD)
_SHAPES = (
    (_IP, "<address>"),
    (_QUANTITY, "<number>"),
    (_UUID, "<uuid>"),
    (_TIME, "<time>"),
    (_HEX, "<hex>"),
    (_COLON_ADDRESS, "<address>"),
)
# How a lexeme that begins with this is judged. Where such a character stands alone, it never comes here.
_DELIMITED: Final[dict[str, Callable[[str], str]]] = {
    "<": _angled,
    "[": _bracketed,
    "{": _json_key,
    ",": _json_key,
    "=": _assigned,
    "(": _parenthesised,
    **dict.fromkeys("\"'`\u201c\u201e\u00ab\u300c\u300e", _quoted),
}
