"""The part of a long message that is read from the database tells the same as the whole message."""

import random

import pytest
from django.db import connection

from attempts.informative_line import HEAD_CHARACTERS, READ_PART, TAIL_CHARACTERS, informative_line

PIECES = (
    "x y z\n",
    "\nError: e {}\n",
    "at {} web: ERROR no disk\n",
    " ERROR ",
    "\nfatal: no",
    "Traceback (most recent call last):\n  File 'a'\nKeyError: 'k{}'\n",
    "Traceback (most recent call last)",
    "\n  indented" * 40,
    "é 数据\r\n",
    "word " * 300,
)


@pytest.mark.django_db
def test_the_part_that_is_read_of_a_message_tells_the_same_as_the_whole() -> None:
    chance = random.Random(4)
    long = HEAD_CHARACTERS + TAIL_CHARACTERS
    texts = []
    for number in range(200):
        between = "".join(chance.choice(PIECES).format(number) * chance.choice((1, 1, 20)) for _ in range(20))
        texts.append("x y z\n" * chance.choice((0, 341, 342)) + between + "x y z\n" * chance.choice((0, 1023, 1024)))
    with connection.cursor() as cursor:
        given = "unnest(%s::text[]) WITH ORDINALITY AS given (error_message, n)"
        cursor.execute(f"SELECT {READ_PART} FROM {given} ORDER BY n", [texts])  # noqa: S608  # constants
        parts = [part for (part,) in cursor.fetchall()]
    assert [informative_line(part) for part in parts] == [informative_line(text) for text in texts]
    assert [len(part) > long for part in parts] == [len(text) > long for text in texts]
    assert max(map(len, parts)) < 16_000
    assert sum(len(text) > long for text in texts) > 50
