/* h1_cases.c - the notation of tests/data/h1/README.md: headings, fenced blocks, escapes. */
#include "support.h"

#include <dirent.h>
#include <stdio.h>

#include "base/ascii.h"
#include "h1_cases.h"

bool h1_case_has(const struct h1_case *one, const char *word)
{
    pn_str rest = one->flags;

    for (pn_str flag = pn_str_word(&rest); flag.n; flag = pn_str_word(&rest)) {
        if (pn_str_eq(flag, pn_str_z(word)))
            return true;
    }
    return false;
}

/* "\{a*8190}": a byte repeated. Returns the bytes of the escape behind the backslash. */
static size_t repeat(pn_str s, struct pn_buf *buf)
{
    size_t   end = pn_str_chr(s, '}', 0);
    uint64_t count = 0;

    assert_true(end != SIZE_MAX && s.n > 3 && s.p[2] == '*');
    assert_int_equal(pn_str_to_u64(pn_str_n(s.p + 3, end - 3), 1 << 17, &count), PN_OK);
    for (; count; count--)
        pn_buf_ch(buf, s.p[1]);
    return end + 1;
}

/* One escape behind a backslash: its length. */
static size_t escape(pn_str s, struct pn_buf *buf)
{
    static const char from[] = "rnt0\\", to[] = "\r\n\t\0\\";
    const char       *known = s.n ? memchr(from, s.p[0], sizeof(from) - 1) : NULL;

    if (known) {
        pn_buf_ch(buf, to[known - from]);
        return 1;
    }
    if (s.n && s.p[0] == '{')
        return repeat(s, buf);
    assert_true(s.n >= 3 && s.p[0] == 'x');
    pn_buf_ch(buf, (char)(pn_ascii_hex(s.p[1]) << 4 | pn_ascii_hex(s.p[2])));
    return 3;
}

/* Line ends of the document are layout; those of the head are written out. */
static pn_str unescape(apr_pool_t *to, pn_str block)
{
    struct pn_buf buf;

    pn_buf_init(&buf, to, 1 << 20);
    for (size_t i = 0; i < block.n;) {
        char c = block.p[i++];

        if (c == '\\')
            i += escape(pn_str_from(block, i), &buf);
        else if (c != '\n')
            pn_buf_ch(&buf, c);
    }
    pn_str text;
    assert_int_equal(pn_buf_done(&buf, &text), PN_OK);
    return text;
}

/* In an outcome only repetitions are resolved: its other escapes are those of pn_str_escape. */
static pn_str expand(apr_pool_t *to, pn_str block)
{
    struct pn_buf buf;

    pn_buf_init(&buf, to, 1 << 20);
    for (size_t i = 0; i < block.n; i++) {
        if (pn_str_starts(pn_str_from(block, i), PN_STR("\\{")))
            i += repeat(pn_str_from(block, i + 1), &buf);
        else
            pn_buf_ch(&buf, block.p[i]);
    }
    return pn_buf_view(&buf);
}

static pn_str slurp(apr_pool_t *to, const char *path)
{
    FILE         *file = fopen(path, "rb");
    struct pn_buf buf;

    assert_non_null(file);
    pn_buf_init(&buf, to, 1 << 20);
    for (int c; (c = fgetc(file)) != EOF;)
        pn_buf_ch(&buf, (char)c);
    fclose(file);
    return pn_buf_view(&buf);
}

/* The block up to the closing fence; *rest goes behind it. */
static pn_str take_block(pn_str *rest)
{
    pn_str start = *rest;

    while (rest->n) {
        size_t at = (size_t)(rest->p - start.p);
        pn_str line = pn_str_cut(*rest, '\n', rest);
        if (pn_str_eq(line, PN_STR("```")))
            return pn_str_head(start, at);
    }
    fail_msg("a block has no end");
    return start;
}

/* Appends the cases of one document to *tail. */
static struct h1_case **read_document(apr_pool_t *to, const char *path, pn_str file,
                                      struct h1_case **tail)
{
    pn_str          rest = slurp(to, path), title = { 0 };
    struct h1_case *open = NULL;

    while (rest.n) {
        pn_str line = pn_str_cut(rest, '\n', &rest);

        if (pn_str_starts(line, PN_STR("## ")))
            title = pn_str_from(line, 3);
        if (pn_str_starts(line, PN_STR("```head"))) {
            assert_null(open);
            open = apr_pcalloc(to, sizeof(*open));
            open->file = file;
            open->title = title;
            open->flags = pn_str_from(line, 7);
            open->input = unescape(to, take_block(&rest));
        }
        else if (pn_str_starts(line, PN_STR("```"))) {
            assert_non_null(open);
            open->outcome = expand(to, take_block(&rest));
            *tail = open;
            tail = &open->next;
            open = NULL;
        }
    }
    return tail;
}

static int is_document(const struct dirent *entry)
{
    pn_str name = pn_str_z(entry->d_name);

    return pn_str_ends(name, PN_STR(".md")) && !pn_str_eq(name, PN_STR("README.md"));
}

struct h1_case *h1_cases_read(apr_pool_t *to)
{
    const char      *data = getenv("PN_TEST_DATA");
    pn_str           folder = PN_CAT(to, pn_str_z(data ? data : "tests/data"), PN_STR("/h1/"));
    struct dirent  **entries;
    int              count = scandir(folder.p, &entries, is_document, alphasort);
    struct h1_case  *first = NULL;
    struct h1_case **tail = &first;

    assert_true(count > 0);
    for (int i = 0; i < count; i++) {
        pn_str file = pn_str_dup(to, pn_str_z(entries[i]->d_name));
        tail = read_document(to, PN_CAT(to, folder, file).p, file, tail);
        free(entries[i]);
    }
    free(entries);
    return first;
}
