/* h1_cases.h - reads the documents of tests/data/h1 into a list of cases. Their folder comes from
 * the environment (PN_TEST_DATA), which Meson sets. */
#ifndef PN_TESTS_PROTO_H1_CASES_H
#define PN_TESTS_PROTO_H1_CASES_H

#include "proto/h1_head.h"

struct h1_case {
    pn_str          file, title;
    pn_str          flags;   /* words behind the fence of the head */
    pn_str          input;   /* with its escapes resolved */
    pn_str          outcome; /* the block that follows, lines with LF */
    struct h1_case *next;
};

/** All cases of all documents, in order; owned by the pool. Fails the test on a document that
 *  breaks the notation. */
struct h1_case *h1_cases_read(apr_pool_t *pool);
/** Is `word` one of the case's flags? */
bool h1_case_has(const struct h1_case *one, const char *word);

#endif
