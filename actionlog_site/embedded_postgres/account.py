"""As whom the server runs. PostgreSQL refuses to run as root, or as a user without an entry in /etc/passwd.

Two ways around that, neither of which makes a system user or loosens a folder:

- A user namespace in which the starting user appears under another, ordinary id. To everyone outside, the server still
  runs as the user who started it, so it reaches whatever that user owns, also under a home of mode 0700.
- Where namespaces are refused (as in Docker by default) or do not reach far enough (root in the home of another),
  root starts the server under an ordinary id that keeps one capability: to pass the private folders on its way.
"""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from actionlog_site.embedded_postgres.errors import EmbeddedPostgresError

# What ids from outside a namespace appear as inside: whoever is let in under this name would be everybody.
OVERFLOW_UID = 65534


@dataclass(frozen=True)
class Account:
    """How to start the server, who then owns its files, and the name under which it sees its starter connect.

    stand_in_uid is the ordinary id that stands in for the starter, when one does: files that were made in the other
    way may belong to it.
    """

    command_prefix: tuple[str, ...]
    owner_uid: int
    peer_name: str
    stand_in_uid: int | None = None


def choose_account(postgres: str, folder: Path) -> Account:
    """The first account under which the binary runs and can write in the folder.

    Raises EmbeddedPostgresError when there is none.
    """
    uid = os.geteuid()
    own_name = _name_of(uid)
    if uid != 0 and own_name is not None:
        return Account((), uid, own_name)
    stand_in = _stand_in()
    if stand_in is not None:
        namespace = Account(
            ("unshare", "--user", f"--map-user={stand_in.pw_uid}", "--"), uid, stand_in.pw_name, stand_in.pw_uid
        )
        if _works(namespace, postgres, folder):
            return namespace
        if uid == 0:
            capability = Account(_keep_one_capability(stand_in), stand_in.pw_uid, own_name or "root", stand_in.pw_uid)
            if _works(capability, postgres, folder):
                return capability
    raise EmbeddedPostgresError(
        ("PostgreSQL does not run as root" if uid == 0 else f"PostgreSQL needs an entry in /etc/passwd for user {uid}")
        + ", and this system allows neither a user namespace (unshare) nor a change of user (setpriv) around that.\n"
        "Run as an ordinary user, or set DATABASE_URL to a PostgreSQL server (14 or newer)."
    )


def _name_of(uid: int) -> str | None:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return None


def _stand_in() -> pwd.struct_passwd | None:
    ordinary = [entry for entry in pwd.getpwall() if entry.pw_uid not in (0, OVERFLOW_UID)]
    # The same choice each time, since files are owned and connections named by it.
    return min(ordinary, key=lambda entry: entry.pw_uid, default=None)


def _keep_one_capability(stand_in: pwd.struct_passwd) -> tuple[str, ...]:
    return (
        "setpriv",
        f"--reuid={stand_in.pw_uid}",
        f"--regid={stand_in.pw_gid}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        # Without this access(2), by which initdb looks for its files, does not count the capability.
        "--securebits=+no_setuid_fixup",
        "--",
    )


def _works(account: Account, postgres: str, folder: Path) -> bool:
    if shutil.which(account.command_prefix[0]) is None:
        return False
    probe = 'mkdir -p "$1/probe" && rmdir "$1/probe" && "$2" --version'
    command = [*account.command_prefix, "/bin/sh", "-c", probe, "sh", str(folder), postgres]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0
