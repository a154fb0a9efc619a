/* suggest.c - "did you mean": the known name nearest to a misspelt one. */
#include "base/ascii.h"
#include "conf/tree.h"

/* No directive's name is near this long. */
#define NAME_MAX_BYTES 63

struct rows {
    uint8_t row[3][NAME_MAX_BYTES +
                   1]; /* of the distance table: the one before the last, the last, the current */
};

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* One row of the table of optimal string alignment distances; returns the row's smallest value. */
static unsigned next_row(struct rows *rows, size_t i, pn_str a, pn_str b)
{
    uint8_t *older = rows->row[(i + 1) % 3], *old = rows->row[(i + 2) % 3], *now = rows->row[i % 3];
    char     ca = pn_ascii_lower(a.p[i - 1]);
    unsigned smallest = now[0] = (uint8_t)i;

    for (size_t j = 1; j <= b.n; j++) {
        char     cb = pn_ascii_lower(b.p[j - 1]);
        unsigned d = least(least(old[j] + 1U, now[j - 1] + 1U), old[j - 1] + (ca == cb ? 0U : 1U));

        if (i > 1 && j > 1 && ca == pn_ascii_lower(b.p[j - 2]) && pn_ascii_lower(a.p[i - 2]) == cb)
            d = least(d, older[j - 2] + 1U);
        now[j] = (uint8_t)d;
        smallest = least(smallest, d);
    }
    return smallest;
}

/* Distance of a and b, or limit + 1 when it is more than limit. */
static unsigned distance(pn_str a, pn_str b, unsigned limit)
{
    struct rows rows;
    unsigned    before_smallest = 0;

    if (a.n > b.n + limit || b.n > a.n + limit)
        return limit + 1;
    for (size_t j = 0; j <= b.n; j++)
        rows.row[0][j] = (uint8_t)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned smallest = next_row(&rows, i, a, b);

        /* A swap looks two rows back, so one row over the limit decides nothing yet. */
        if (smallest > limit && before_smallest > limit)
            return limit + 1;
        before_smallest = smallest;
    }
    return least(rows.row[a.n % 3][b.n], limit + 1);
}

const char *pn_conf_suggest(pn_str name, const char *const *names, size_t count)
{
    unsigned    limit = name.n / 3 > 1 ? (unsigned)(name.n / 3) : 1;
    const char *best = NULL;

    if (name.n == 0 || name.n > NAME_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        pn_str   candidate = pn_str_z(names[i]);
        unsigned d;

        if (candidate.n > NAME_MAX_BYTES)
            continue;
        d = distance(name, candidate, limit);
        if (d > limit)
            continue;
        best = names[i];
        if (d == 0)
            break;
        limit = d - 1;
    }
    return best;
}
