/* slot.c - requests that wait because as many are at work as may be (worker.h).
 *
 * A request holds a slot from before its handler until its answer needs no more work but sending; the scoreboard's counts
 * say how many those are. Callers: the protocols before a request begins, score.c when one is at work no more. The child
 * accepts nothing while requests wait, so the line is no longer than the connections it has. A slot that is free goes to
 * the first in line: nobody who comes later is served before. */
#include "http/worker.h"

void pn_slot_wait(struct pn_worker *worker, struct pn_job *job)
{
    struct pn_slots *slots = &worker->slots;

    pn_assert(!job->queued);
    job->next = NULL;
    *slots->last = job;
    slots->last = &job->next;
    slots->waiting++;
}

void pn__slot_call_next(struct pn_worker *worker)
{
    struct pn_slots *slots = &worker->slots;
    struct pn_job   *job = slots->first;

    if (!pn_slot_free(worker))
        return;
    slots->first = job->next;
    if (!slots->first)
        slots->last = &slots->first;
    slots->waiting--;
    slots->promised++;
    pn_job_queue(worker->loop, job);
}
