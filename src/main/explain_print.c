/* explain_print.c - an explanation as text for people and as JSON for programs. */
#include "main/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

static const char *const kinds[] = {
#define X(id, name) name,
    PN_STEPS(X)
#undef X
};

/* ---- text ---- */

static void print_pairs(const char *title, const apr_array_header_t *pairs)
{
    printf("%s\n", title);
    for (int i = 0; i < pairs->nelts; i++) {
        const struct pn_heard_pair *pair = &APR_ARRAY_IDX(pairs, i, struct pn_heard_pair);
        printf("  %-18s %s\n", pair->name, pair->value);
    }
}

static void print_step(const struct pn_heard *step)
{
    int indent = 2 + 2 * (int)step->depth;

    if (step->kind == PN_STEP_DONE) {
        if (step->depth)
            printf("%*s%-9s status %s\n", indent, "", "done", step->text);
        return;
    }
    printf("%*s%-9s %s", indent, "", kinds[step->kind], step->text);
    if (step->file)
        printf("  (%s:%u)", step->file, step->line);
    putchar('\n');
}

void pn_explain_text(const struct pn_explanation *e)
{
    printf("steps\n");
    for (int i = 0; i < e->steps->nelts; i++)
        print_step(&APR_ARRAY_IDX(e->steps, i, struct pn_heard));
    print_pairs("place", e->settings);
    print_pairs("answer", e->fields);
    if (e->handled || e->status != 200)
        printf("status %d\n", e->status);
    else
        printf("status as the handler decides\n");
}

/* ---- JSON ---- */

static void put(yajl_gen gen, const char *text)
{
    size_t n = strlen(text);
    char  *ascii;

    if (yajl_gen_string(gen, (const unsigned char *)text, n) != yajl_gen_invalid_string)
        return;
    ascii = strdup(text); /* RFC 8259 s8.1: JSON is UTF-8 */
    pn_assert(ascii != NULL);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)ascii[i] > 127)
            ascii[i] = '?';
    yajl_gen_string(gen, (const unsigned char *)ascii, n);
    free(ascii);
}

static void put_steps(yajl_gen gen, const apr_array_header_t *steps)
{
    put(gen, "steps");
    yajl_gen_array_open(gen);
    for (int i = 0; i < steps->nelts; i++) {
        const struct pn_heard *step = &APR_ARRAY_IDX(steps, i, struct pn_heard);
        yajl_gen_map_open(gen);
        put(gen, "kind");
        put(gen, kinds[step->kind]);
        put(gen, "depth");
        yajl_gen_integer(gen, step->depth);
        put(gen, "text");
        put(gen, step->text);
        if (step->file) {
            put(gen, "file");
            put(gen, step->file);
            put(gen, "line");
            yajl_gen_integer(gen, step->line);
        }
        yajl_gen_map_close(gen);
    }
    yajl_gen_array_close(gen);
}

static void put_settings(yajl_gen gen, const apr_array_header_t *pairs)
{
    put(gen, "place");
    yajl_gen_map_open(gen);
    for (int i = 0; i < pairs->nelts; i++) {
        put(gen, APR_ARRAY_IDX(pairs, i, struct pn_heard_pair).name);
        put(gen, APR_ARRAY_IDX(pairs, i, struct pn_heard_pair).value);
    }
    yajl_gen_map_close(gen);
}

/* A field may come twice: a list of pairs. */
static void put_fields(yajl_gen gen, const apr_array_header_t *pairs)
{
    put(gen, "fields");
    yajl_gen_array_open(gen);
    for (int i = 0; i < pairs->nelts; i++) {
        yajl_gen_array_open(gen);
        put(gen, APR_ARRAY_IDX(pairs, i, struct pn_heard_pair).name);
        put(gen, APR_ARRAY_IDX(pairs, i, struct pn_heard_pair).value);
        yajl_gen_array_close(gen);
    }
    yajl_gen_array_close(gen);
}

void pn_explain_json(const struct pn_explanation *e)
{
    yajl_gen             gen = yajl_gen_alloc(NULL);
    const unsigned char *text;
    size_t               n;

    pn_assert(gen != NULL);
    yajl_gen_config(gen, yajl_gen_beautify, 1);
    yajl_gen_config(gen, yajl_gen_validate_utf8, 1);
    yajl_gen_config(gen, yajl_gen_indent_string, "  ");
    yajl_gen_map_open(gen);
    put(gen, "status");
    yajl_gen_integer(gen, e->status);
    put(gen, "handled");
    yajl_gen_bool(gen, e->handled || e->status != 200);
    put_steps(gen, e->steps);
    put_settings(gen, e->settings);
    put_fields(gen, e->fields);
    yajl_gen_map_close(gen);
    yajl_gen_get_buf(gen, &text, &n);
    fwrite(text, 1, n, stdout);
    yajl_gen_free(gen);
}
