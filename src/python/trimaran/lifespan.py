"""The lifespan protocol of ASGI: the application's start-up before the worker is ready, its shutdown when it drains."""

import asyncio

from trimaran.errors import one_line, write_stderr

END_WAIT_S = 5  # for what an application does after its last word; then it is cancelled with all that it left running


class StartupFailed(Exception):
    """The application said lifespan.startup.failed."""


class Lifespan:
    """One Task runs the application's lifespan scope. An application that raises or returns before it has answered does
    not know the protocol, and is served without it, as the specification says."""

    def __init__(self, application, specification):
        self.state = None  # a dict once the application has started with this protocol
        self._application = application
        self._specification = specification
        self._events = asyncio.Queue()
        self._answer = None  # a future for what the application says to the last event
        self._task = None

    async def start(self):
        """Raises StartupFailed."""
        state = {}
        self._task = asyncio.create_task(self._run(state), name="lifespan")
        verb, message = await self._say("startup")
        if verb == "failed":
            await asyncio.wait([self._task], timeout=END_WAIT_S)
            raise StartupFailed(message or "the application's lifespan.startup failed")
        if verb == "complete":
            self.state = state

    async def stop(self):
        if self.state is None:
            return
        verb, message = await self._say("shutdown")
        if verb == "failed":
            write_stderr("error the application's lifespan.shutdown failed: %s\n" % message)
        await asyncio.wait([self._task], timeout=END_WAIT_S)

    async def _say(self, event):
        self._answer = asyncio.get_running_loop().create_future()
        if self._task.done():
            return "ended", ""
        self._events.put_nowait({"type": "lifespan." + event})
        return await self._answer

    def _hear(self, verb, message=""):
        if self._answer and not self._answer.done():
            self._answer.set_result((verb, message))

    async def _send(self, event):
        verb = event["type"].rpartition(".")[2]
        if verb not in ("complete", "failed"):
            raise RuntimeError("unexpected ASGI event %r in the lifespan" % event["type"])
        self._hear(verb, event.get("message", ""))

    async def _run(self, state):
        scope = {"type": "lifespan", "asgi": self._specification, "state": state}
        try:
            await self._application(scope, self._events.get, self._send)
        except Exception as exception:
            if self.state is not None:
                write_stderr("error the application's lifespan ended: %s\n" % one_line(exception))
            elif not self._answer.done():
                write_stderr("info the application has no lifespan: %s\n" % one_line(exception))
        finally:
            self._hear("ended")
