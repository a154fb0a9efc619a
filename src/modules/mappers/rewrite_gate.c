/* rewrite_gate.c - what every match of a pattern must begin and end with, as two masked words: a subject that differs there
 * can't match, and no regex has to run to know it. What it must hold anywhere is a set of bits, one for a pair of bytes.
 *
 * Pure. The pattern is looked at once, piece by piece at its outermost level; whatever is not surely understood ends the
 * literal. A gate that is too narrow would lose matches, so each doubt leaves it open. */
#include "mod_rewrite.h"

#define WIDTH 8 /* bytes of a word */

/* A run of literal bytes of the pattern. */
struct run_of {
    char   v[WIDTH];
    size_t n;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word_char(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}

/* Where the class that begins at `at` ends, behind its bracket; SIZE_MAX: it does not. */
static size_t skip_class(pn_str s, size_t at)
{
    size_t i = at + 1;

    if (i < s.n && s.p[i] == '^')
        i++;
    if (i < s.n && s.p[i] == ']') /* first, it stands for itself */
        i++;
    for (; i < s.n; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '[')
            return SIZE_MAX; /* [:alpha:] and the like */
        else if (s.p[i] == ']')
            return i + 1;
    }
    return SIZE_MAX;
}

static size_t skip_group(pn_str s, size_t at)
{
    unsigned depth = 0;

    for (size_t i = at; i < s.n;) {
        if (s.p[i] == '(' && i + 1 < s.n && (s.p[i + 1] == '?' || s.p[i + 1] == '*'))
            return SIZE_MAX;
        if (s.p[i] == '[') {
            if ((i = skip_class(s, i)) == SIZE_MAX)
                return SIZE_MAX;
            continue;
        }
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '(')
            depth++;
        else if (s.p[i] == ')' && --depth == 0)
            return i + 1;
        i++;
    }
    return SIZE_MAX;
}

static size_t skip_quantifier(pn_str s, size_t at)
{
    if (s.p[at] == '{') {
        size_t end = pn_str_chr(s, '}', at);
        if (end == SIZE_MAX)
            return SIZE_MAX;
        at = end;
    }
    at++;
    if (at < s.n && (s.p[at] == '?' || s.p[at] == '+'))
        at++;
    return at;
}

struct scan {
    pn_str        s;
    size_t        at;
    struct run_of head, tail; /* the tail is what stands last so far, at most its last WIDTH bytes */
    bool          in_head;
    bool          anchored, at_end;
};

static void push_tail(struct run_of *tail, char c)
{
    if (tail->n == WIDTH) {
        memmove(tail->v, tail->v + 1, WIDTH - 1);
        tail->n--;
    }
    tail->v[tail->n++] = c;
}

static bool is_quantifier(pn_str s, size_t at)
{
    return at < s.n && memchr("*+?{", s.p[at], 4) != NULL;
}

/* A literal byte; what follows may say that it can repeat or be missing. */
static bool take_literal(struct scan *scan, char c, size_t width)
{
    scan->at += width;
    if (is_quantifier(scan->s, scan->at)) {
        scan->in_head = false;
        scan->tail.n = 0;
        scan->at = skip_quantifier(scan->s, scan->at);
        return scan->at != SIZE_MAX;
    }
    if (scan->in_head && scan->head.n < WIDTH)
        scan->head.v[scan->head.n++] = c;
    push_tail(&scan->tail, c);
    return true;
}

/* Something that is no literal and ends at `end`. */
static bool take_other(struct scan *scan, size_t end)
{
    scan->in_head = false;
    scan->tail.n = 0;
    if (end != SIZE_MAX && is_quantifier(scan->s, end))
        end = skip_quantifier(scan->s, end);
    scan->at = end;
    return end != SIZE_MAX;
}

static bool step(struct scan *scan)
{
    pn_str s = scan->s;
    char   c = s.p[scan->at];
    char   next = scan->at + 1 < s.n ? s.p[scan->at + 1] : '\0';

    switch (c) {
    case '\\':
        if (next == '\0')
            return false;
        if (!is_word_char(next))
            return take_literal(scan, next, 2);
        if (!memchr("dDwWsSbBhHvV", next, 12)) /* \x41, \Q, \1, ... */
            return false;
        return take_other(scan, scan->at + 2);
    case '[': return take_other(scan, skip_class(s, scan->at));
    case '(': return take_other(scan, skip_group(s, scan->at));
    case '.': return take_other(scan, scan->at + 1);
    case '$':
        scan->at_end = scan->at + 1 == s.n;
        scan->at++;
        return scan->at_end;
    case '|': case ')': case '^': case '*': case '+': case '?': case '{': return false;
    default: return take_literal(scan, c, 1);
    }
}

/* ---- pairs of bytes anywhere ---- */

static char low(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Which of 64 bits stands for a pair; letters count without case, so that it need not be known how the pattern compares. */
static uint64_t pair_bit(char a, char b)
{
    return UINT64_C(1) << (((unsigned char)low(a) * 37u + (unsigned char)low(b) * 11u) >> 1 & 63);
}

struct pair_search {
    struct rewrite_pairs pairs;
    unsigned             n, depth;
};

static bool add_set(struct pair_search *search, uint64_t set)
{
    if (search->n < REWRITE_PAIR_SETS)
        search->pairs.sets[search->n++] = set;
    else /* what both demand is demanded in either case */
        search->pairs.sets[REWRITE_PAIR_SETS - 1] &= set;
    return search->pairs.sets[search->n - 1] != 0;
}

/* The longest run of literal bytes of one alternative, as a set of pairs, and the first group that can't be missing. */
struct alternative {
    uint64_t best, run; /* pairs */
    unsigned best_n, run_n;
    char     last;
    pn_str   group;
};

static void end_run(struct alternative *a)
{
    if (a->run_n > a->best_n) {
        a->best = a->run;
        a->best_n = a->run_n;
    }
    a->run = 0;
    a->run_n = 0;
}

static void add_byte(struct alternative *a, char c)
{
    if (a->run_n)
        a->run |= pair_bit(a->last, c);
    a->last = c;
    a->run_n++;
}

/* One piece of the pattern at its outermost level. @return the place behind it; SIZE_MAX: not understood. */
static size_t take_piece(pn_str s, size_t at, struct alternative *a)
{
    size_t end = at + 1;
    bool   literal = false;
    char   c = s.p[at];

    if (c == '\\') {
        c = at + 1 < s.n ? s.p[at + 1] : '\0';
        if (c == '\0' || (is_word_char(c) && !memchr("dDwWsSbBhHvV", c, 12)))
            return SIZE_MAX;
        literal = !is_word_char(c);
        end = at + 2;
    }
    else if (c == '[')
        end = skip_class(s, at);
    else if (c == '(')
        end = skip_group(s, at);
    else if (memchr(")*+?{", c, 5))
        return SIZE_MAX;
    else
        literal = !memchr("^$.", c, 3);
    if (end == SIZE_MAX)
        return SIZE_MAX;
    bool quantified = is_quantifier(s, end);
    if (literal && !quantified)
        add_byte(a, c);
    else
        end_run(a);
    if (s.p[at] == '(' && !quantified && !a->group.p)
        a->group = pn_str_n(s.p + at + 1, end - at - 2);
    return quantified ? skip_quantifier(s, end) : end;
}

#define GROUP_DEPTH_MAX 8

/* Every alternative of `s` gives a set, or its group gives some. @return false: nothing can be demanded. */
static bool search_pairs(struct pair_search *search, pn_str s)
{
    struct alternative a = { 0 };
    size_t             at = 0;

    if (++search->depth > GROUP_DEPTH_MAX)
        return false;
    for (;;) {
        if (at < s.n && s.p[at] != '|') {
            if ((at = take_piece(s, at, &a)) == SIZE_MAX)
                return false;
            continue;
        }
        end_run(&a);
        if (a.best ? !add_set(search, a.best) : !a.group.p || !search_pairs(search, a.group))
            return false;
        if (at >= s.n)
            break;
        a = (struct alternative){ 0 };
        at++;
    }
    search->depth--;
    return true;
}

static struct rewrite_pairs pairs_of(pn_str pattern)
{
    struct pair_search   search = { .n = 0 };
    struct rewrite_pairs none = { { 0 } };

    if ((pn_regex_defaults() & PN_REGEX_EXTENDED) || !search_pairs(&search, pattern))
        return none;
    while (search.n && search.n < REWRITE_PAIR_SETS)
        search.pairs.sets[search.n++] = search.pairs.sets[0];
    return search.pairs;
}

/* The bytes as a word in memory order, with its mask. Without case, the bit by which letters differ is not looked at.
 * `at_top`: they are the last bytes of the word. */
static struct rewrite_gate to_gate(const struct run_of *run, bool no_case, bool at_top)
{
    struct rewrite_gate gate;
    unsigned char       mask[WIDTH] = { 0 }, word[WIDTH] = { 0 };
    size_t              from = at_top ? WIDTH - run->n : 0;

    for (size_t i = 0; i < run->n; i++) {
        mask[from + i] = no_case && is_letter(run->v[i]) ? 0xdf : 0xff;
        word[from + i] = (unsigned char)run->v[i] & mask[from + i];
    }
    memcpy(&gate.mask, mask, WIDTH);
    memcpy(&gate.word, word, WIDTH);
    return gate;
}

struct rewrite_gates pn__rewrite_gates_of(pn_str pattern, bool no_case, bool open)
{
    struct rewrite_gates gates = { { 0, 0 }, { 0, 0 }, { { 0 } } };
    struct scan          scan = { .s = pattern };

    if (open)
        return gates;
    gates.pairs = pairs_of(pattern);
    scan.anchored = scan.in_head = pattern.n && pattern.p[0] == '^';
    scan.at = scan.anchored;
    while (scan.at < pattern.n)
        if (!step(&scan))
            return gates;
    if (scan.anchored)
        gates.head = to_gate(&scan.head, no_case, false);
    if (scan.at_end)
        gates.tail = to_gate(&scan.tail, no_case, true);
    return gates;
}

struct rewrite_ends pn__rewrite_ends_of(pn_str subject)
{
    struct rewrite_ends ends = { 0, 0, 0 };
    size_t              n = subject.n < WIDTH ? subject.n : WIDTH;

    if (n) {
        memcpy(&ends.head, subject.p, n);
        memcpy((char *)&ends.tail + WIDTH - n, subject.p + subject.n - n, n);
    }
    for (size_t i = 1; i < subject.n; i++)
        ends.pairs |= pair_bit(subject.p[i - 1], subject.p[i]);
    return ends;
}
