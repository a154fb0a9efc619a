/* buckets.c - ListenCoresBucketsRatio: several sets of listening sockets, and a child at each. See master_state.h.
 *
 * The kernel deals connections out to the sets, so a set must never be without a child for long, and none is closed while the
 * server runs: what waits there would be lost. Their number is therefore that of the start. */
#include <unistd.h>

#include "proc/master_state.h"

unsigned pn__buckets_wanted(const struct pn_mpm_conf *conf)
{
    long    cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t most = conf->max_request_workers / (conf->model == PN_MPM_PREFORK ? 1 : conf->threads_per_child);
    int64_t n = conf->buckets_ratio > 0 ? cores / conf->buckets_ratio : 1;

    if (n > most)
        n = most;
    return n > 1 ? (unsigned)n : 1;
}

/* Children of the present generation that serve a set. */
static unsigned children_at(const struct pn_master *master, unsigned bucket)
{
    unsigned n = 0;

    for (unsigned i = 0; i < master->board->n_slots; i++) {
        const struct pn__seat *seat = &master->seats[i];

        n += seat->pid && !seat->leaving && seat->generation == master->generation && seat->bucket == bucket;
    }
    return n;
}

unsigned pn__bucket_next(const struct pn_master *master)
{
    unsigned least = UINT32_MAX, found = 0;

    for (unsigned bucket = 0; bucket < master->n_buckets && master->n_buckets > 1; bucket++) {
        unsigned n = children_at(master, bucket);

        if (n < least) {
            least = n;
            found = bucket;
        }
    }
    return found;
}

unsigned pn__buckets_empty(const struct pn_master *master)
{
    unsigned n = 0;

    for (unsigned bucket = 0; bucket < master->n_buckets && master->n_buckets > 1; bucket++)
        n += children_at(master, bucket) == 0;
    return n;
}

bool pn__bucket_needs(const struct pn_master *master, const struct pn__seat *seat)
{
    return master->n_buckets > 1 && children_at(master, seat->bucket) <= 1;
}
