/* pinion/record.h - a listener to what happens to a request: `pinion explain` sets one; a server has none.
 *
 * The pipeline and modules tell each decision where it is made, so what is explained is what happens. Without a listener a
 * place that tells costs the test of a pointer. */
#ifndef PINION_RECORD_H
#define PINION_RECORD_H

#include <pinion/str.h>

struct pn_request;

/** What is told. */
#define PN_STEPS(X)                                                                                  \
    X(REQUEST, "request")   /* a request begins: the client's, a look-up on its behalf, a redirection */ \
    X(DONE, "done")         /* it ends */                                                            \
    X(HOOK, "hook")         /* a module settled or refused something in a phase */                   \
    X(SECTION, "section")   /* a section of the configuration applies */                             \
    X(HTACCESS, "htaccess") /* a .htaccess applies, or is broken */                                  \
    X(REWRITE, "rewrite")   /* a step of a rule set */                                               \
    X(REQUIRE, "require")   /* what a Require line says of this request */                           \
    X(FILTER, "filter")     /* a filter is put around the answer */                                  \
    X(HANDLER, "handler")   /* what makes the answer */                                              \
    X(ERROR, "error")       /* an answer is made for an error or a redirection */                    \
    X(LOG, "log")           /* what the error log would say */

enum pn_step {
#define X(id, name) PN_STEP_##id,
    PN_STEPS(X)
#undef X
    PN_STEP__COUNT
};

struct pn_recorder {
    /** @param r     NULL: the one that is at work.
     *  @param file  of the configuration, borrowed for the call; NULL: none. */
    void (*step)(struct pn_recorder *recorder, const struct pn_request *r, enum pn_step kind, const char *file, uint32_t line,
                 pn_str text);
    /** May r's handler run? It may do what cannot be undone. */
    bool (*may_handle)(struct pn_recorder *recorder, struct pn_request *r);
    /** The answer is complete; its body is not pulled. */
    void (*answer)(struct pn_recorder *recorder, struct pn_request *r);
};

/** NULL in a server. */
extern struct pn_recorder *pn_recorder;

PN_PRINTF(5, 6) void pn_record(const struct pn_request *r, enum pn_step kind, const char *file, uint32_t line, const char *fmt, ...);

/** Arguments are evaluated only when somebody listens. */
#define PN_RECORD(...) (__builtin_expect(pn_recorder != NULL, 0) ? pn_record(__VA_ARGS__) : (void)0)

#endif
