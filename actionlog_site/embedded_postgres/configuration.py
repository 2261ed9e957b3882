"""The server's settings and who may connect, written anew at each start. ALTER SYSTEM overrides the settings."""

from pathlib import Path

from actionlog_site.embedded_postgres.account import Account

SUPERUSER = "actionlog"
DATABASE = "actionlog"
# The role that the demonstration makes for a time. No superuser, so that its connections can be limited.
DEMONSTRATION_ROLE = "actionlog_demo"
PORT = 5432  # names the socket file; nothing listens on TCP
SETTINGS_FILE = "actionlog.conf"

SETTINGS = {
    "port": str(PORT),
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "192MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "log_checkpoints": "off",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}
# Lost is then what only a crash of the machine loses: a killed server's writes are with the kernel.
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


def write_configuration(data: Path, *, account: Account, socket_folder: str, durable: bool, lz4: bool) -> None:
    """Writes settings, pg_hba.conf and pg_ident.conf into the data folder."""
    quoted = socket_folder.replace("'", "''")
    settings = SETTINGS | {"unix_socket_directories": f"'{quoted}'"}
    if lz4:
        settings["wal_compression"] = "lz4"
    if not durable:
        settings |= NOT_DURABLE
    _write(data / SETTINGS_FILE, "".join(f"{name} = {value}\n" for name, value in settings.items()))
    # The kernel tells who is at the other end of the socket: no password to keep, and nobody else gets in.
    _write(data / "pg_hba.conf", "local all all peer map=actionlog\n")
    roles = (SUPERUSER, DEMONSTRATION_ROLE)
    _write(data / "pg_ident.conf", "".join(f'actionlog "{account.peer_name}" {role}\n' for role in roles))


def include_settings(data: Path) -> None:
    """Makes a new cluster read the settings file, after what initdb found out about the machine."""
    with (data / "postgresql.conf").open("a") as file:
        file.write(f"\ninclude '{SETTINGS_FILE}'\n")


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)
