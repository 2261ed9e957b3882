"""Marks the secrets in a command line, by the rules of redaction.py: what is a secret by name, and where it stands.

Found are `--password X`, `--password=X`, `PASSWORD=X`, `password: X` and `"password": "X"`, also inside of an argument
such as the script of `sh -c`, and what the rules find in any text: credentials in URLs, behind Bearer and so on.
Of some programs also what stands behind an option that does not say what it is: `curl -u NAME:X`, `mysql -pX`.
"""

import re
from collections.abc import Sequence
from typing import Final

from actionlog_client.redaction import MARK, Redactor, names_a_secret

# Each begins where a word begins, so that the length of a text is all that it costs.
_NAMED: Final = re.compile(r"""(?<![\w.-])(-{0,2}\w[\w.-]{0,127})["']?\s{0,8}[=:]\s{0,8}""")
_OPTION: Final = re.compile(r"(?<![\w.-])(--?\w[\w.-]{0,127})\s{1,8}(?!-)")
_VALUE: Final = re.compile(r"""["]([^"]*)["]|[']([^']*)[']|([^\s"',;&|]+)""")
_OPTION_ALONE: Final = re.compile(r"--?\w[\w.-]{0,127}")
_WHOLE: Final = re.compile(r"(-{0,2}\w[\w.-]{0,127})=(.+)", re.DOTALL)
# The argument behind it is a script, as in `sh -c`.
_SCRIPT: Final = re.compile(r"-[a-z]*c")
# What follows them is found by the rules for texts.
_SCHEMES: Final = frozenset({"basic", "bearer", "digest", "token", "negotiate", "apikey"})
# By the programs that the command line names, what finds a secret behind an option of theirs, in one argument with the
# two before it.
_OF_PROGRAMS: Final = {
    re.compile(rf"(?<![\w.-])(?:{programs})(?![\w.-])"): re.compile(secret)
    for programs, secret in (
        ("curl", r"""(?<![\w-])(?:-[uU]|--(?:proxy-)?user)[\s=]{0,8}["']?[^\s:"'/]{1,128}:([^\s"']+)"""),
        ("(?:mysql|mariadb)(?:dump|admin|-dump|-admin)?", r"""(?<![\w-])-p["']?([^\s"']+)"""),
        ("sshpass", r"""(?<![\w-])sshpass\s{1,8}-p\s{0,8}["']?([^\s"']+)"""),
        ("redis-cli", r"""(?<![\w-])(?:-a|--pass)\s{1,8}["']?([^\s"']+)"""),
    )
}
# A shorter one is too likely to be a part of something else.
SHORTEST_KNOWN: Final = 6


class SecretArguments:
    """redacted is the command line without its secrets; clean() marks them wherever they turn up again."""

    def __init__(self, arguments: Sequence[str], redactor: Redactor) -> None:
        self._redactor = redactor
        self._known: dict[str, str] = {}
        self.redacted: Final = self._redact(arguments)

    def clean(self, text: str) -> str:
        """The text with the secrets of the command line marked, and those that the rules find in any text."""
        # The longer ones first: one may begin like another, and what is left of it would stand there.
        text = self._redactor.text(text)
        for secret, mark in sorted(self._known.items(), key=lambda known: -len(known[0])):
            if secret in text:
                text = text.replace(secret, mark)
        return text

    def _redact(self, arguments: Sequence[str]) -> list[str]:
        redacted: list[str] = []
        line = " ".join(arguments)
        finders = [secret for programs, secret in _OF_PROGRAMS.items() if programs.search(line)]
        before = earlier = ""
        for given in arguments:
            # As output is read: bytes that are no UTF-8 are one and the same letter.
            argument = given.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            if _OPTION_ALONE.fullmatch(before) and names_a_secret(before) and not argument.startswith("-"):
                redacted.append(self._mark(argument) if argument else argument)
            elif (whole := _WHOLE.fullmatch(argument)) and names_a_secret(whole[1]) and not _SCRIPT.fullmatch(before):
                redacted.append(f"{whole[1]}={self._mark(whole[2])}")
            else:
                text = self._redactor.text(argument)
                for head in (_NAMED, _OPTION):
                    text = self._after(head, text)
                for finder in finders:
                    text = self._behind_option(finder, f"{earlier} {before} ", text)
                redacted.append(text)
            earlier, before = before, argument
        return redacted

    def _behind_option(self, finder: "re.Pattern[str]", before: str, text: str) -> str:
        """The text with what this finds marked, given what stands before the text."""
        parts: list[str] = []
        end, whole = len(before), before + text
        for found in finder.finditer(whole):
            if found.start(1) >= end and not found[1].startswith("$") and not MARK.search(found[1]):
                parts += [whole[end : found.start(1)], self._mark(found[1])]
                end = found.end(1)
        return "".join([*parts, whole[end:]])

    def _after(self, head: "re.Pattern[str]", text: str) -> str:
        """The text with the values marked that stand behind a name of a secret."""
        parts: list[str] = []
        end = 0
        for found in head.finditer(text):
            if found.start() < end or not names_a_secret(found[1]):
                continue
            value = _VALUE.match(text, found.end())
            if value is None:
                continue
            group = value.lastindex or 0
            secret = value[group]
            if secret and secret.lower() not in _SCHEMES and not secret.startswith("$") and not MARK.search(secret):
                parts += [text[end : value.start(group)], self._mark(secret)]
                end = value.end(group)
        return "".join([*parts, text[end:]])

    def _mark(self, secret: str) -> str:
        mark = self._redactor.mark(secret)
        if len(secret) >= SHORTEST_KNOWN:
            self._known[secret] = mark
        return mark
