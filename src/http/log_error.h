/* log_error.h - the error log: where it goes, what a line looks like. The calls themselves are in pinion/log.h. */
#ifndef PN_HTTP_LOG_ERROR_H
#define PN_HTTP_LOG_ERROR_H

#include <pinion/log_line.h>

#include "http/core_conf.h"
#include "http/log_levels.h"
#include "http/log_sink.h"

struct pn_log_form;

/** Opens the ErrorLog of a server; one without its own shares the main server's. @return PN_BAD after reporting through
 *  pn_generation_error. */
PN_NODISCARD pn_rc pn__error_log_open(struct pn_generation *generation, struct pn_server *server, struct pn_core_server *conf);
/** Messages that concern no request and no connection go to the log of this server from now on: the main server of the generation
 *  in use. Until it is called, and after a NULL, they go to standard error. The master's and each child's. */
void pn_log_use(const struct pn_server *main_server);

/** One message on its way; what is not known is NULL or 0. */
struct pn_log_event {
    const struct pn_server  *server;
    struct pn_conn          *conn;
    struct pn_request       *r;
    const struct pn_module  *module;
    enum pn_log_level        level;
    unsigned                 id;
    int                      error;
    const char              *file;  /* in the source */
    int                      line;
    pn_str                   text;  /* formatted, not escaped */
    pn_wall                  time;
};

/* ---- log_error_format.c ---- */

/** A line by a compiled format. @return false when an item marked + has no value: there is no line then. */
bool pn__log_form_line(const struct pn_log_form *form, const struct pn_log_event *event, struct pn_log_line *line);
/** ErrorLogFormat's forms. The additional lines come before the first message about a connection or request. */
struct pn_log_format {
    const struct pn_log_form *message;  /* NULL: the default */
    apr_array_header_t         *request;  /* of const struct pn_log_form *; may be NULL */
    apr_array_header_t         *conn;
    bool                        json;
};
/** @return NULL or the error. */
const char *pn__log_form_compile(apr_pool_t *pool, pn_str text, const struct pn_log_form **ret);
/** The form that is used without an ErrorLogFormat. */
const struct pn_log_form *pn__log_form_default(void);
/** "AH00128", "PN20000"; returns its length, 0 for id 0. Room for 16 bytes. */
size_t pn__log_id_text(unsigned id, char *to);
/** One JSON object and a line's end. */
void pn__log_json_line(const struct pn_log_event *event, struct pn_log_line *line);
/** "core" for core.c, "alias" for mod_alias.c. */
pn_str pn__log_module_name(const struct pn_module *module);

#endif
