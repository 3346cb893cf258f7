"""The threads of a worker: as few as needed, never too many, jobs in turn."""

import threading
from queue import SimpleQueue

from chassis.serving.crew import Crew

WITHIN = 5.0


def names_of(crew: Crew, jobs: int, barrier: threading.Barrier | None = None) -> list[str]:
    """The threads that did `jobs` jobs, in the order in which they began."""
    began: SimpleQueue[str] = SimpleQueue()

    def job() -> None:
        began.put(threading.current_thread().name)
        if barrier is not None:
            barrier.wait(WITHIN)

    for _ in range(jobs):
        crew.put(job)
    return [began.get(timeout=WITHIN) for _ in range(jobs)]


def test_jobs_that_come_at_once_have_a_thread_each() -> None:
    crew = Crew(3)
    assert len(names_of(crew, 3, threading.Barrier(3))) == 3  # the barrier opens for three at a time only
    crew.shutdown()


def test_there_are_never_more_threads_than_allowed() -> None:
    crew = Crew(2)
    at_once, most, lock = 0, 0, threading.Lock()
    done: SimpleQueue[int] = SimpleQueue()

    def job(number: int) -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.002)
        with lock:
            at_once -= 1
        done.put(number)

    for number in range(20):
        crew.put(lambda number=number: job(number))
    assert sorted(done.get(timeout=WITHIN) for _ in range(20)) == [*range(20)]
    assert most == 2
    crew.shutdown()


def test_jobs_begin_in_the_order_in_which_they_came() -> None:
    crew = Crew(1)
    began: SimpleQueue[int] = SimpleQueue()
    for number in range(50):
        crew.put(lambda number=number: began.put(number))
    assert [began.get(timeout=WITHIN) for _ in range(50)] == [*range(50)]
    crew.shutdown()


def test_shut_down_its_threads_end(threads: list[threading.Thread]) -> None:
    crew = Crew(2)
    names_of(crew, 2, threading.Barrier(2))
    assert len(threads) == 2
    crew.shutdown()
    for thread in threads:
        thread.join(WITHIN)
    assert not any(thread.is_alive() for thread in threads)
