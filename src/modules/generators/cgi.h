/* cgi.h - what the files of mod_cgi share: a script at work. Nobody else includes it. */
#ifndef PN_MODULES_CGI_H
#define PN_MODULES_CGI_H

#include <pinion/cgi.h>
#include <pinion/io.h>
#include <pinion/request.h>
#include <pinion/spawn.h>

extern struct pn_module pn_module_cgi;

struct cgi_server {
    pn_str  log;                     /* ScriptLog; empty: none */
    int64_t log_length, log_buffer;  /* bytes: of the file at most, of a request's body */
    pn_str  socket;                  /* ScriptSock: accepted, the helper has no name in the file system */
};

struct cgi_dir {
    pn_usec timeout;                 /* 0: Timeout */
};

/* A script that was started for a request. In r->pool; ends by cgi_finish or cgi_abandon. */
struct cgi_run {
    struct pn_request       *r;
    const struct cgi_server *conf;
    struct pn_program       *program;
    const char              *name;       /* last part of the file name, for messages */
    pn_usec                  timeout;    /* without output */
    struct pn_task          *pump;       /* carries the request body to the script; NULL: there is none */
    int                      pump_status;/* not 0: the body could not be read, the request fails with this */
    bool                     ended;      /* the output has been read to its end */
    bool                     over;       /* finished or abandoned */
    struct pn_buf            line;       /* of standard error, not complete yet */
    char                    *error_room; /* what is read of it; NULL: nothing yet */
    struct pn_buf            output;     /* head, and what came with it */
    size_t                   head_end;   /* of output */
    struct pn_buf            sent;       /* for ScriptLog: the beginning of the request's body, */
    struct pn_buf            errors;     /* and of standard error */
};

/* ---- cgi_run.c ---- */

/** Starts r's file as a script; its environment is r's. @return NULL after reporting to the log: the status is 500 or 503. */
PN_MAY_YIELD struct cgi_run *cgi_start(struct pn_request *r, pn_usec timeout, int *ret_status);
/** Some of the script's output; lines of standard error go to the error log meanwhile.
 *  @return PN_OK, PN_EOF, PN_TIMEOUT, PN_CANCELLED, PN_SYSTEM. */
PN_MAY_YIELD PN_NODISCARD pn_rc cgi_read(struct cgi_run *run, char *to, size_t max, size_t *ret_n);
/** Reads and drops the rest of the output, so that the script can do its work, up to `max` bytes. */
PN_MAY_YIELD void cgi_drain(struct cgi_run *run, uint64_t max);
/** The output is at its end: lets go of the script. */
PN_MAY_YIELD void cgi_finish(struct cgi_run *run);
/** Ends the script and all it has started. Does nothing after cgi_finish. */
PN_MAY_YIELD void cgi_abandon(struct cgi_run *run);

/* ---- cgi_answer.c ---- */

/** Makes the script's output r's answer. */
PN_MAY_YIELD enum pn_verdict cgi_answer(struct cgi_run *run, bool nph);

/* ---- cgi_log.c ---- */

/** Logs why a script failed, to the error log and ScriptLog. @param run NULL: it was not started.
 *  @return the verdict of a rejection with `status`. */
PN_PRINTF(5, 6) PN_MAY_YIELD enum pn_verdict cgi_reject(struct pn_request *r, struct cgi_run *run, int status, unsigned id,
                                                        const char *fmt, ...);

#endif
