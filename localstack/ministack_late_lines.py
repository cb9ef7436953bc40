"""Starts MiniStack, and logs what a function writes after its answer soon afterwards, as AWS does.

MiniStack 1.5.33 keeps such lines until the next invocation of the same process: the trace of an
order would only appear when the next order is placed.
"""

import contextvars
import threading

from ministack.app import main
from ministack.core.lambda_runtime import ProvidedWorker
from ministack.services.lambda_svc import _emit_lambda_logs

# Longer than a function works after its answer, unless something is slow.
DELAY_SECONDS = 0.3

answer = ProvidedWorker.invoke


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
        _emit_lambda_logs({"config": worker.config}, request_id, lines, False, 0)


ProvidedWorker.invoke = invoke

if __name__ == "__main__":
    main()
