/* status.c - status lines, reasons and explanations (pinion/status.h). Static tables only.
 *
 * Workload: one pn_status_line for each response, so a code finds its row by index. */
#include <pinion/status.h>

enum { CODE_MIN = 100, CODE_MAX = 999, CODES = CODE_MAX - CODE_MIN + 1, BARE_LEN = 4 };

static const struct row {
    pn_str line; /* "200 OK" */
    pn_str explanation;
} rows[] = {
#define X(id, code, reason, text) { PN_STR_INIT(#code " " reason), PN_STR_INIT(text) },
#include "../../data/statuses.def"
#undef X
};

/* Place of each code's row. */
enum {
#define X(id, code, reason, text) ROW_##id,
#include "../../data/statuses.def"
#undef X
};

/* Row number plus one; 0 where there is no row. */
static const uint8_t row_of[CODES] = {
#define X(id, code, reason, text) [code - CODE_MIN] = ROW_##id + 1,
#include "../../data/statuses.def"
#undef X
};

/* Status lines without a reason, "599 ", for codes that backends and scripts make up. */
#define ONE(prefix) prefix " \0"
#define TEN(prefix)                                                                                \
    ONE(prefix "0")                                                                                \
    ONE(prefix "1") ONE(prefix "2") ONE(prefix "3") ONE(prefix "4") ONE(prefix "5")                \
        ONE(prefix "6") ONE(prefix "7") ONE(prefix "8") ONE(prefix "9")
#define HUNDRED(prefix)                                                                            \
    TEN(prefix "0")                                                                                \
    TEN(prefix "1") TEN(prefix "2") TEN(prefix "3") TEN(prefix "4") TEN(prefix "5")                \
        TEN(prefix "6") TEN(prefix "7") TEN(prefix "8") TEN(prefix "9")

static const char bare[9][100 * (BARE_LEN + 1) + 1] = {
    HUNDRED("1"), HUNDRED("2"), HUNDRED("3"), HUNDRED("4"), HUNDRED("5"),
    HUNDRED("6"), HUNDRED("7"), HUNDRED("8"), HUNDRED("9"),
};

static const struct row *find(int status)
{
    unsigned row = status < CODE_MIN || status > CODE_MAX ? 0 : row_of[status - CODE_MIN];

    return row ? &rows[row - 1] : NULL;
}

pn_str pn_status_line(int status)
{
    if (status < CODE_MIN || status > CODE_MAX)
        status = PN_STATUS_INTERNAL_SERVER_ERROR;
    const struct row *row = find(status);

    if (row)
        return row->line;
    return pn_str_n(&bare[status / 100 - 1][status % 100 * (BARE_LEN + 1)], BARE_LEN);
}

pn_str pn_status_reason(int status)
{
    const struct row *row = find(status);

    return row ? pn_str_from(row->line, BARE_LEN) : PN_STR("");
}

bool pn_status_known(int status)
{
    return find(status) != NULL;
}

pn_str pn_status_explain(int status)
{
    const struct row *row = find(status);

    if (row)
        return row->explanation;
    if (status >= 400 && status <= 499)
        return PN_STR("The request could not be carried out.");
    if (status >= 500 && status <= 599)
        return PN_STR("The server could not carry out the request.");
    return PN_STR("");
}
