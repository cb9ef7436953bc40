"""Starts MiniStack with logs that are more like those of AWS.

MiniStack 1.5.33 keeps what a function writes after its answer until the next invocation of the same
process: the trace of an order would only appear when the next order is placed. So such lines are
logged soon afterwards.

It also makes a log stream for every invocation, and a search goes through all streams of a log
group: after thousands of requests, whoever follows the logs slows down everybody. So the invocations
of a thread share a stream. A thread writes its lines in their order, as MiniStack needs them.
"""

import contextvars
import threading

from ministack.app import main
from ministack.core.lambda_runtime import ProvidedWorker
from ministack.services import lambda_svc

# Longer than a function works after its answer, unless something is slow.
DELAY_SECONDS = 0.3

answer = ProvidedWorker.invoke
log = lambda_svc._emit_lambda_logs
new_uuid = lambda_svc.new_uuid
stream = contextvars.ContextVar("stream", default=None)


def invoke(self, event, request_id, **more):
    """Invokes the function, and reads its output once more a little later."""
    try:
        return answer(self, event, request_id, **more)
    finally:
        # The context names the account and the region of the log group.
        flush = contextvars.copy_context().run
        timer = threading.Timer(DELAY_SECONDS, flush, (log_late_lines, self, request_id))
        timer.daemon = True
        timer.start()


def log_late_lines(worker, request_id):
    """Logs the lines that are left, unless the next invocation has begun and logs them."""
    if not worker._lock.acquire(blocking=False):
        return
    try:
        lines = worker._drain_stderr()
    finally:
        worker._lock.release()
    if lines:
        log_to_shared_stream({"config": worker.config}, request_id, lines, False, 0)


def log_to_shared_stream(*arguments, **more):
    """Logs the lines of an invocation to the stream of this thread."""
    stream.set(f"{threading.get_ident():032x}")
    try:
        log(*arguments, **more)
    finally:
        stream.set(None)


def stream_or_new_uuid():
    """The id of the stream, the first time that logging asks for an id. A new id otherwise."""
    chosen = stream.get()
    stream.set(None)
    return chosen or new_uuid()


ProvidedWorker.invoke = invoke
lambda_svc._emit_lambda_logs = log_to_shared_stream
lambda_svc.new_uuid = stream_or_new_uuid

if __name__ == "__main__":
    main()
