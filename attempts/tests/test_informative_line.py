import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attempts.informative_line import LINE_CHARACTERS, informative_line

PYTHON = """\
Traceback (most recent call last):
  File "a.py", line 3, in load
    return table[key]
           ~~~~~^^^^^
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 9, in <module>
    load()
app.errors.LoadFailed: no table
and more of its message
"""
PYTHON_GROUP = """\
  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 1, in <module>
  | ExceptionGroup: two went wrong (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: first
    +------------------------------------
"""
JAVA = """\
Exception in thread "main" org.acme.StartFailed: cannot start
\tat org.acme.Main.start(Main.java:5)
\tat org.acme.Main.main(Main.java:7)
Caused by: java.io.IOException: disk full
\tat org.acme.Disk.write(Disk.java:15)
\t... 1 more
"""
JAVA_ALONE = """\
10:00:00 WARN closing
java.lang.IllegalStateException: closed twice
\tat org.acme.Main.close(Main.java:5)
"""
NODE = """\
/app/x.js:3
    throw new TypeError("boom");
    ^

TypeError: boom
    at run (/app/x.js:3:7)
    at node:internal/main/run:23:47

Node.js v20.1.0
"""
NODE_CAUSE = """\
Error: cannot load
    at run (/app/x.js:3:7) {
  [cause]: TypeError: not a list
      at parse (/app/x.js:1:2)
}
"""
GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.main()
\t/tmp/x.go:5 +0x1d
exit status 2
"""
RUST = """\
thread 'main' panicked at src/main.rs:2:5:
called `Option::unwrap()` on a `None` value
note: run with `RUST_BACKTRACE=1`
"""
RUST_BEFORE_1_73 = """\
thread 'main' panicked at 'no value', src/main.rs:2:5
note: run with `RUST_BACKTRACE=1`
"""
RUST_CAUSES = """\
Error: deployment failed

Caused by:
    0: cannot reach the registry
    1: connection refused
"""
DOTNET = """\
Unhandled exception. System.InvalidOperationException: cannot save
 ---> System.IO.IOException: disk full
   at Acme.Disk.Write() in /src/Disk.cs:line 5
   --- End of inner exception stack trace ---
   at Acme.Program.Main()
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (PYTHON, "app.errors.LoadFailed: no table"),
        (PYTHON_GROUP, "ExceptionGroup: two went wrong (2 sub-exceptions)"),
        (JAVA, "java.io.IOException: disk full"),
        (JAVA_ALONE, "java.lang.IllegalStateException: closed twice"),
        (NODE, "TypeError: boom"),
        (NODE_CAUSE, "TypeError: not a list"),
        (GO, "panic: runtime error: index out of range [5] with length 3"),
        (RUST, "called `Option::unwrap()` on a `None` value"),
        (RUST_BEFORE_1_73, "no value"),
        (RUST_CAUSES, "connection refused"),
        (DOTNET, "System.IO.IOException: disk full"),
    ],
    ids=[
        "python",
        "python group",
        "java",
        "java alone",
        "node",
        "node cause",
        "go",
        "rust",
        "old rust",
        "rust causes",
        "dotnet",
    ],
)
def test_of_a_traceback_the_last_exception_or_cause_informs(text: str, line: str) -> None:
    assert informative_line(text) == line
    assert informative_line(f"Starting\nStarted\n{text}") == line
    assert informative_line(text.replace("\n", "\r\n")) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Reading package lists...\nE: Unable to locate package x\n", "E: Unable to locate package x"),
        ("Cloning into 'x'...\nfatal: no such repository\n", "fatal: no such repository"),
        ("npm WARN old\nnpm ERR! missing script: build\nnpm ERR! see the log\n", "npm ERR! missing script: build"),
        ("cc -c main.c\nmain.c:5:3: error: unknown type\n1 error generated.\n", "main.c:5:3: error: unknown type"),
        ("10:00:00 INFO up\n10:00:01 ERROR [worker] no lock\n10:00:02 INFO down", "10:00:01 ERROR [worker] no lock"),
        ("Plan: 1 to add\n\nError: no such zone\n\n  on main.tf line 3\n", "Error: no such zone"),
        ("x\nError from server (NotFound): no pods\n", "Error from server (NotFound): no pods"),
        ("Connecting\nConnection refused by peer\nbye", "Connection refused by peer"),
        ("=====\n\n  upgrade of the pool  \nstep two", "upgrade of the pool"),
        ("\x1b[31merror\x1b[0m: no space\nhint: clean up", "error: no space"),
        ("Loading  50%\rLoading 100%\rCannot load", "Cannot load"),
        ("---\n连接失败\n再试", "连接失败"),
        ("***\n\u202bفشل الاتصال\u202c\n1", "فشل الاتصال"),
        ('{"status": 500,\n "error": {"message": "disk \\"a\\" is full"}}', 'disk "a" is full'),
        ("12\n34", "12"),
    ],
    ids=[
        "apt",
        "git",
        "npm",
        "compiler",
        "log",
        "terraform",
        "kubectl",
        "words",
        "first",
        "colours",
        "progress",
        "chinese",
        "arabic",
        "json",
        "digits",
    ],
)
def test_of_an_output_the_line_that_tells_of_the_failure_informs(text: str, line: str) -> None:
    assert informative_line(text) == line


@pytest.mark.parametrize("text", [None, "", " \n\t\n", "\x1b[0m\x00\u200b"])
def test_where_there_is_nothing_to_read_the_line_is_empty(text: str | None) -> None:
    assert informative_line(text) == ""


@given(st.text())
def test_any_text_gives_one_line_that_informs_of_itself(text: str) -> None:
    line = informative_line(text)
    assert "\n" not in line
    assert len(line) <= LINE_CHARACTERS
    assert bool(line) or not any(character.isalnum() for character in text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("ok\n" * 300_000 + PYTHON, "app.errors.LoadFailed: no table"),
        ("fatal: no disk\n" + "again\n" * 200_000, "fatal: no disk"),
        ("ok\n" * 150_000 + PYTHON + "\n" + "ok\n" * 150_000, "app.errors.LoadFailed: no table"),
        ("x y\n" * 120_000 + "at 9 web: ERROR no disk\n" + "x y\n" * 120_000, "at 9 web: ERROR no disk"),
        ("a: [" * 250_000, "a: [" * (LINE_CHARACTERS // 4)),
        ("\nthread 'a' panicked at '" * 40_000, "thread 'a' panicked at '"),
        ("Caused by:\n  " * 80_000, "Caused by:"),
    ],
    ids=["python behind", "error before", "python between", "error between", "one line", "panics", "causes"],
)
def test_a_megabyte_is_read_in_less_than_10_milliseconds(text: str, line: str) -> None:
    taken = []
    for _ in range(5):
        began = time.process_time()
        found = informative_line(text)
        taken.append(time.process_time() - began)
    assert found == line
    assert min(taken) < 0.01
