"""The HTTP service as its operator sees it: the process, its releases, its catalogue and cache."""

import http.client
import json
import os
import signal
from pathlib import Path
from typing import Any, Final

from demonstration.laboratory.child import Child

ANSWER_SECONDS: Final = 1.5
GOOD_PACK_SIZE: Final = 12


class ServiceError(RuntimeError):
    """The service answered, but not well: status is that of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"HTTP {status}: {message}")
        self.status = status


class Service:
    """The shop in its folder, on one port of 127.0.0.1 for all its restarts."""

    name: Final = "shop"

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child = Child(self.name, "demonstration.laboratory.shop", folder)
        self.port = 0
        self._releases: list[str] = []
        self._catalogue_version = 0
        (folder / "volume").mkdir(exist_ok=True)
        self.deploy(pack_size=GOOD_PACK_SIZE)
        self.publish_catalogue()

    @property
    def pid(self) -> int | None:
        return self._child.pid

    def start(self) -> None:
        """Raises ChildError when it does not come up."""
        self.port = int(self._child.start(str(self.port)))

    def stop(self, seconds: float) -> None:
        """Raises TimeoutError when it does not end by being asked to."""
        self._child.stop(seconds)

    def kill(self) -> None:
        self._child.kill()

    def hang(self) -> None:
        """It keeps its port and its connections, and does nothing."""
        self._child.send_signal(signal.SIGSTOP)

    def ask(self, method: str, path: str) -> dict[str, Any]:
        """The service's answer. Raises ServiceError for a status that is no success, OSError when it is not reached,
        and of these TimeoutError when it takes too long."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        except http.client.HTTPException as error:
            raise ConnectionError(f"the service broke off: {error!r}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise ServiceError(answer.status, str(told.get("error")))
        return told

    @property
    def release(self) -> str:
        return self._releases[-1]

    def deploy(self, *, pack_size: int | None) -> str:
        """Makes a new release the current one; its name. None: a release that cannot even be read."""
        name = f"1.{self._count_releases()}.0"
        folder = self._folder / "releases" / name
        folder.mkdir(parents=True)
        told = json.dumps({"version": name, "pack_size": pack_size})
        (folder / "pricing.json").write_text(told if pack_size is not None else told[:-1])
        self._releases.append(name)
        self._switch()
        return name

    def roll_back(self) -> tuple[str, str]:
        """Goes back to the release before; the names of both. Raises LookupError when there is none before."""
        if len(self._releases) < 2:
            raise LookupError(f"There is no release before {self.release}.")
        left = self._releases.pop()
        self._switch()
        return left, self.release

    def forget_releases(self) -> None:
        """There is none to go back to but those that are deployed from now on."""
        self._releases.clear()

    def refresh_cache(self) -> None:
        """The cache holds what the source holds, without the service's doing."""
        (self._folder / "cache.json").write_text((self._folder / "catalogue.json").read_text())

    def publish_catalogue(self) -> int:
        """A new version of the catalogue at its source, of which the cache is not told; its number."""
        self._catalogue_version += 1
        told = {"version": self._catalogue_version, "pack_price": 24.0}
        (self._folder / "catalogue.json").write_text(json.dumps(told))
        return self._catalogue_version

    def catalogue_versions(self) -> tuple[int, int | None]:
        """That of the source, and that in the cache; None when nothing is cached."""
        try:
            cached = json.loads((self._folder / "cache.json").read_text())
        except FileNotFoundError:
            return self._catalogue_version, None
        return self._catalogue_version, int(cached["version"])

    def _count_releases(self) -> int:
        folder = self._folder / "releases"
        return len(list(folder.iterdir())) if folder.exists() else 0

    def _switch(self) -> None:
        draft = self._folder / "current.new"
        draft.unlink(missing_ok=True)
        draft.symlink_to(Path("releases") / self.release)
        os.replace(draft, self._folder / "current")
