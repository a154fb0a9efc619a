/* regex.c - PCRE2 behind pinion/regex.h: one compile, JIT where there is one, thread-local match data.
 *
 * The JIT gets a stack of its own a thread, so that a match on a small fiber stack can't overrun it. */
#include <pinion/regex.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

#include <pinion/buf.h>
#include "base/ascii.h"

#define MATCH_LIMIT 1000000
#define DEPTH_LIMIT 100000
#define HEAP_LIMIT_KIB 20000
#define JIT_STACK_MAX (512 * 1024)

struct pn_regex {
    pcre2_code *code;
    pn_str      prefix;
    unsigned    groups;
};

/* What a thread matches with; freed with the thread. */
struct scratch {
    pcre2_match_data    *data;
    pcre2_match_context *context;
    pcre2_jit_stack     *stack;
};

static unsigned default_flags = PN_REGEX_AT_START;

unsigned pn_regex_defaults(void)
{
    return default_flags;
}

void pn_regex_set_defaults(unsigned flags)
{
    default_flags = flags;
}

static pthread_key_t  scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void scratch_free(void *arg)
{
    struct scratch *scratch = arg;

    pcre2_match_data_free(scratch->data);
    pcre2_match_context_free(scratch->context);
    pcre2_jit_stack_free(scratch->stack);
    free(scratch);
}

static void scratch_make_key(void)
{
    pn_assert(pthread_key_create(&scratch_key, scratch_free) == 0);
}

static struct scratch *scratch_get(void)
{
    pn_assert(pthread_once(&scratch_once, scratch_make_key) == 0);
    struct scratch *scratch = pthread_getspecific(scratch_key);
    if (scratch)
        return scratch;

    scratch = calloc(1, sizeof(*scratch));
    pn_assert(scratch != NULL);
    scratch->data = pcre2_match_data_create(PN_REGEX_GROUPS, NULL);
    scratch->context = pcre2_match_context_create(NULL);
    scratch->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK_MAX, NULL);
    pn_assert(scratch->data && scratch->context && scratch->stack);
    pcre2_set_match_limit(scratch->context, MATCH_LIMIT);
    pcre2_set_depth_limit(scratch->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(scratch->context, HEAP_LIMIT_KIB);
    pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
    pn_assert(pthread_setspecific(scratch_key, scratch) == 0);
    return scratch;
}

static apr_status_t regex_cleanup(void *arg)
{
    struct pn_regex *regex = arg;

    pcre2_code_free(regex->code);
    regex->code = NULL;
    return APR_SUCCESS;
}

static bool is_plain(char c)
{
    return pn_ascii_alnum(c) || c == '/' || c == '_' || c == '-' || c == '%' || c == '=' ||
           c == ':' || c == '~' || c == '@' || c == ',' || c == ' ' || (unsigned char)c >= 0x80;
}

/* ^ and plain characters up to the first special one; a quantifier behind a character takes it back. */
static pn_str literal_prefix(apr_pool_t *pool, pn_str pattern, unsigned flags)
{
    struct pn_buf out;
    size_t        i = 1;

    if ((flags & (PN_REGEX_ICASE | PN_REGEX_EXTENDED | PN_REGEX_MULTILINE)) || pattern.n < 2 ||
        pattern.p[0] != '^' || pn_str_chr(pattern, '|', 0) != SIZE_MAX)
        return PN_STR("");
    pn_buf_init(&out, pool, pattern.n);
    while (i < pattern.n) {
        size_t width = 1;
        char   c = pattern.p[i];
        if (c == '\\' && i + 1 < pattern.n && !pn_ascii_alnum(pattern.p[i + 1])) {
            c = pattern.p[i + 1];
            width = 2;
        }
        else if (!is_plain(c))
            break;
        size_t after = i + width;
        if (after < pattern.n && memchr("*?{+", pattern.p[after], 4))
            break;
        pn_buf_ch(&out, c);
        i = after;
    }
    return pn_buf_view(&out);
}

pn_rc pn_regex_compile(apr_pool_t *pool, pn_str pattern, unsigned flags, struct pn_regex **ret_regex,
                       const char **ret_error)
{
    uint32_t   options = 0;
    int        error;
    PCRE2_SIZE offset;
    uint32_t   groups = 0;

    if (!(flags & PN_REGEX_EXACT))
        flags |= default_flags;
    options |= flags & PN_REGEX_DOLLAR_ENDONLY ? PCRE2_DOLLAR_ENDONLY : 0;
    options |= flags & PN_REGEX_ICASE ? PCRE2_CASELESS : 0;
    options |= flags & PN_REGEX_DOTALL ? PCRE2_DOTALL : 0;
    options |= flags & PN_REGEX_EXTENDED ? PCRE2_EXTENDED : 0;
    options |= flags & PN_REGEX_MULTILINE ? PCRE2_MULTILINE : 0;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)(pattern.p ? pattern.p : ""), pattern.n, options, &error, &offset, NULL);
    if (!code) {
        PCRE2_UCHAR text[128];
        pcre2_get_error_message(error, text, sizeof(text));
        *ret_error =
            pn_str_printf(pool, "%s at offset %zu of \"%.*s\"", (char *)text, (size_t)offset, PN_FMT(pattern))
                .p;
        return PN_BAD;
    }
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without JIT the interpreter matches */
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &groups);

    struct pn_regex *regex = apr_pcalloc(pool, sizeof(*regex));
    regex->code = code;
    regex->groups = groups;
    regex->prefix = literal_prefix(pool, pattern, flags);
    apr_pool_cleanup_register(pool, regex, regex_cleanup, apr_pool_cleanup_null);
    *ret_regex = regex;
    return PN_OK;
}

pn_rc pn_regex_match(const struct pn_regex *regex, pn_str subject, struct pn_match *ret_match)
{
    struct scratch *scratch = scratch_get();
    const char     *bytes = subject.p ? subject.p : "";

    if (regex->prefix.n && !pn_str_starts(subject, regex->prefix))
        return PN_NOT_FOUND;
    int rc = pcre2_match(regex->code, (PCRE2_SPTR)bytes, subject.n, 0, 0, scratch->data, scratch->context);
    if (rc < 0)
        return rc == PCRE2_ERROR_NOMATCH ? PN_NOT_FOUND : PN_LIMIT;
    if (!ret_match)
        return PN_OK;

    const PCRE2_SIZE *spans = pcre2_get_ovector_pointer(scratch->data);
    unsigned          groups = rc == 0 ? PN_REGEX_GROUPS : (unsigned)rc; /* 0: more groups than kept */
    ret_match->subject = pn_str_n(bytes, subject.n);
    ret_match->groups = groups;
    for (unsigned i = 0; i < groups; i++) {
        ret_match->span[i].so = spans[2 * i]; /* PCRE2_UNSET is ~(size_t)0, our SIZE_MAX */
        ret_match->span[i].eo = spans[2 * i + 1];
    }
    return PN_OK;
}

pn_str pn_match_group(const struct pn_match *match, unsigned i)
{
    if (i >= match->groups || match->span[i].so == SIZE_MAX || match->span[i].eo < match->span[i].so)
        return (pn_str){ NULL, 0 };
    return pn_str_n(match->subject.p + match->span[i].so, match->span[i].eo - match->span[i].so);
}

unsigned pn_regex_group_count(const struct pn_regex *regex)
{
    return regex->groups;
}

pn_str pn_regex_prefix(const struct pn_regex *regex)
{
    return regex->prefix;
}

void pn_regex_names(const struct pn_regex *regex, void (*fn)(void *arg, pn_str name, unsigned group),
                    void *arg)
{
    uint32_t      count = 0, size = 0;
    PCRE2_SPTR    table = NULL;

    pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
    pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table);
    for (uint32_t i = 0; i < count; i++) {
        PCRE2_SPTR row = table + i * size; /* two bytes of group number, then the name */
        fn(arg, pn_str_z((const char *)row + 2), (unsigned)(row[0] << 8 | row[1]));
    }
}

pn_str pn_match_expand(apr_pool_t *pool, pn_str tmpl, const struct pn_match *match)
{
    struct pn_buf out;
    pn_str        bytes = PN_STR("");

    pn_buf_init(&out, pool, SIZE_MAX / 2);
    for (size_t i = 0; i < tmpl.n; i++) {
        char c = tmpl.p[i];
        char next = i + 1 < tmpl.n ? tmpl.p[i + 1] : '\0';
        if (c == '\\' && (next == '$' || next == '&')) {
            pn_buf_ch(&out, next);
            i++;
        }
        else if (c == '$' && pn_ascii_digit(next)) {
            pn_buf_str(&out, pn_match_group(match, (unsigned)(next - '0')));
            i++;
        }
        else
            pn_buf_ch(&out, c);
    }
    pn_assert(pn_buf_done(&out, &bytes) == PN_OK); /* no maximum: cannot be full */
    return bytes;
}

const char *pn_regex_library(void)
{
    static char text[64];

    if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) <= (int)sizeof(text) && pcre2_config(PCRE2_CONFIG_VERSION, text) > 0)
        return text;
    return "";
}
