"""A web process that can be killed and is back at once: forked from one that has everything imported already.

    python -m actionlog_client.tests.nursery PORT

For each line on stdin a server is started on the port, and its process id printed.
"""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "actionlog_site.settings")


def main() -> None:
    import uvicorn

    from actionlog_site.asgi import application

    port = int(sys.argv[1])
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            uvicorn.run(application, host="127.0.0.1", port=port, access_log=False, log_level="critical")
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
