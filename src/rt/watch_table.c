/* watch_table.c - the file watch's table from inotify watch descriptors to directories.
 *
 * Called by watch_inotify.c only. Owns its slots (malloc: they shrink and grow with the caches).
 * Watch descriptors count upwards, so their low bits are a good hash. */
#include <stdlib.h>

#include "rt/watch_internal.h"

enum { CAP_AT_FIRST = 32 };

static size_t home(const struct pn__watch_table *table, int wd)
{
    return (size_t)wd & (table->cap - 1);
}

static struct pn__watch_entry *probe(const struct pn__watch_table *table, int wd)
{
    size_t i = home(table, wd);

    while (table->v[i].wd != 0 && table->v[i].wd != wd)
        i = (i + 1) & (table->cap - 1);
    return &table->v[i];
}

static bool resize(struct pn__watch_table *table, size_t cap)
{
    struct pn__watch_table bigger = { .cap = cap, .n = table->n, .moves = table->moves + 1 };

    bigger.v = calloc(cap, sizeof(*bigger.v));
    if (bigger.v == NULL)
        return false;
    for (size_t i = 0; i < table->cap; i++)
        if (table->v[i].wd != 0)
            *probe(&bigger, table->v[i].wd) = table->v[i];
    free(table->v);
    *table = bigger;
    return true;
}

bool pn__watch_table_reserve(struct pn__watch_table *table)
{
    if (table->cap == 0)
        return resize(table, CAP_AT_FIRST);
    return (table->n + 1) * 4 <= table->cap * 3 || resize(table, table->cap * 2);
}

struct pn__watch_entry *pn__watch_table_add(struct pn__watch_table *table, int wd, unsigned round)
{
    struct pn__watch_entry *entry = probe(table, wd);

    if (entry->wd == 0) {
        *entry = (struct pn__watch_entry){ .wd = wd, .round = round };
        table->n++;
    }
    return entry;
}

struct pn__watch_entry *pn__watch_table_find(const struct pn__watch_table *table, int wd)
{
    struct pn__watch_entry *entry;

    if (table->cap == 0 || wd <= 0)
        return NULL;
    entry = probe(table, wd);
    return entry->wd != 0 ? entry : NULL;
}

void pn__watch_table_remove(struct pn__watch_table *table, struct pn__watch_entry *entry)
{
    size_t mask = table->cap - 1;
    size_t hole = (size_t)(entry - table->v);

    /* Entries behind the hole move up if their probe path crosses it. */
    for (size_t i = (hole + 1) & mask; table->v[i].wd != 0; i = (i + 1) & mask) {
        size_t from_home = (i - home(table, table->v[i].wd)) & mask;

        if (from_home >= ((i - hole) & mask)) {
            table->v[hole] = table->v[i];
            hole = i;
        }
    }
    table->v[hole] = (struct pn__watch_entry){ 0 };
    table->n--;
    table->moves++;
}

void pn__watch_table_end_stale(struct pn__watch_table *table)
{
    /* After a removal the same slot may hold another entry: look again. One that wraps round to
     * the end of the table is met there. */
    for (size_t i = 0; i < table->cap;) {
        struct pn__watch_entry *entry = &table->v[i];

        entry->stale = false;
        if (entry->wd != 0 && entry->watches == NULL)
            pn__watch_table_remove(table, entry);
        else
            i++;
    }
}

void pn__watch_table_release(struct pn__watch_table *table)
{
    free(table->v);
    *table = (struct pn__watch_table){ 0 };
}
