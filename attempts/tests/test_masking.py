import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from attempts.masking import mask

VALUES = (
    "'x'", '"a b c d"', "12", "5 ms", "a = b", "=", "==", "<", "10.0.0.1:80", "::1", "(on off)", "f(x)", "file(s)",
    "...", "C:\\x", "[a, b]", '{"a": 1}',
    "for user bob", "table a_b", "2024-01-01T00:00:00Z", "連続10", "`", "«", "<value>",
)  # fmt: skip
lines = st.one_of(
    st.text(),
    st.lists(st.sampled_from(VALUES), max_size=6).map("".join),
    st.lists(st.sampled_from(VALUES), max_size=6).map(" ".join),
)


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("job 17 failed", "job <number> failed"),
        ("wrote 2,097,152 bytes (2.0 MiB) of 2 GiB", "wrote <number> of <number>"),
        ("took 5 ms, 1.5s, <2 sec, 3 minutes", "took <number>, <number>, <number>, <number>"),
        ("disk 91% full", "disk <number> full"),
        ("exit code -1", "exit code <number>"),
        ("at 0x7ffe12 in deadbeef01", "at <hex> in <hex>"),
        ("request 7b3e1c2a-0000-4000-8000-0123456789ab lost", "request <uuid> lost"),
        ("request 7769297d-732c-4e3f-8c55-731bdf4c4d23 lost", "request <uuid> lost"),
        ("lost 7638851b-342d-4241-b049-da7761c76ac9.", "lost <uuid>."),
        ("pod web-7d9c-x2 evicted", "pod <id> evicted"),
        ("no route to 192.0.2.7:443", "no route to <address>"),
        ("refused by [2001:db8::7]", "refused by [<address>]"),
        ("link 00:1b:44:11:3a:b7 down", "link <address> down"),
        ("mail to ops@example.org bounced", "mail to <address> bounced"),
        ("no answer from redis:6379", "no answer from <address>"),
        ("host db.prod.example.org is down", "host <host> is down"),
        ("GET https://example.org/a?b=1 failed", "GET <url> failed"),
        ("cannot open /var/lib/app/data", "cannot open <path>"),
        (r"cannot open C:\Temp\a.txt", "cannot open <path>"),
        ("cannot read settings.yaml", "cannot read <host>"),
        ("2024-01-05 10:11:12,345 ERROR no lock", "<time> ERROR no lock"),
        ("2024-01-05T10:11:12.345Z no lock", "<time> no lock"),
        ("Wed Feb 18 21:40:07 2026 no lock", "<time> no lock"),
        ("Oct 9 21:40:07 no lock", "<time> no lock"),
        ("key 'a' and \"b\" and `c` unknown", "key <quoted> and <quoted> and <quoted> unknown"),
        ("uid=0 user= name=bob", "uid=<value> user=<value> name=<value>"),
        ("state = running", "state = <value>"),
        ("ready: true, owner: null", "ready: <value>, owner: <value>"),
        ("node states (on off)", "node states (<value>)"),
        ("open(config) failed", "open(<value>) failed"),
        ("zones [north, south] are cut off", "zones [<list>] are cut off"),
        ("password for user alice rejected", "password for user <value> rejected"),
        ("login for carol from 192.0.2.1", "login for <value> from <address>"),
        ("table user_events is locked", "table <value> is locked"),
        ("no connection to payment-db", "no connection to <value>"),
        ("bash: helm: command not found", "bash: <value>: command not found"),
        ("limit of 512Mi for *.example.org", "limit of <number> for <host>"),
        ("org.example.billing.Worker stopped", "<name> stopped"),
        ("token [redacted:0123456789abcdef] expired", "token <secret> expired"),
        ("pod web moved from PENDING to CRASH_LOOP", "pod web moved from <value> to <value>"),
        ("Sunflower_A8 does not answer", "<id> does not answer"),
        ("cache size.....7", "cache size … <number>"),
    ],
)
def test_each_kind_of_value_has_its_mask(line: str, masked: str) -> None:
    assert mask(line) == masked


@pytest.mark.parametrize(
    "line",
    [
        "java.io.IOException: Broken pipe",
        "psycopg2.errors.UniqueViolation: duplicate key",
        "can't open it, it's locked",
        "user authentication failed",
        "IPv6 is not available",
        "std::bad_alloc",
        "a == b",
    ],
)
def test_words_and_types_of_exceptions_stay(line: str) -> None:
    assert mask(line) == line


def test_the_method_of_a_request_says_what_failed_and_its_path_does_not() -> None:
    assert mask('"GET /a/1 HTTP/1.1" 500') == mask('"GET /b?c=2 HTTP/2" 502') == "GET <path> <number>"
    assert mask('"POST /a/1 HTTP/1.1" 500') == "POST <path> <number>"


def test_a_quoted_sentence_is_read_as_a_sentence() -> None:
    assert mask('agent said "no space left on 3 disks"') == "agent said no space left on <number> disks"


def test_keys_of_json_stay() -> None:
    assert mask('{"code": 5, "reason": "x"}') == "{ code: <number>, reason: <quoted>}"


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("连接到10.0.0.1超时30秒", "连接到<address>超时<number>秒"),
        ("用户「张三」登录失败", "用户<quoted>登录失败"),
        ("서버10.0.0.1에 연결 실패", "서버<address>에 연결 실패"),
        ("فشل الاتصال ٣٤", "فشل الاتصال <number>"),
        ("Échec de l'hôte «a» après 3 s", "Échec de l'hôte <quoted> après <number>"),
    ],
    ids=["chinese", "chinese quotes", "korean", "arabic digits", "french"],
)  # fmt: skip
def test_values_are_found_in_any_language(line: str, masked: str) -> None:
    assert mask(line) == masked


@example("0'0'")
@given(lines)
def test_masking_a_masked_line_changes_nothing(line: str) -> None:
    assert mask(mask(line)) == mask(line)


DETAILS = "job {} of user {!r} failed on {} after {} s: cannot write /data/{}/out.bin"


@given(
    st.integers(),
    st.text(st.characters(exclude_characters="'\"\\", exclude_categories=["C", "Z"]), min_size=1, max_size=30),
    st.ip_addresses(),
    st.floats(min_value=0, max_value=1e6).map("{:.3f}".format),
    st.uuids(),
)
def test_messages_that_differ_only_in_details_are_masked_alike(
    job: int, user: str, host: object, seconds: str, folder: object
) -> None:
    assert mask(DETAILS.format(job, user, host, seconds, folder)) == mask(DETAILS.format(1, "x", "10.0.0.1", 2, "a1"))
