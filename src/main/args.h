/* args.h - the command line as httpd has it, taken apart. */
#ifndef PN_MAIN_ARGS_H
#define PN_MAIN_ARGS_H

#include <apr_tables.h>
#include <stdio.h>
#include <pinion/log.h>

enum pn_action {
    PN_ACTION_RUN,            /* start, or what -k says */
    PN_ACTION_CHECK,          /* -t, -S, -M and -D DUMP_... */
    PN_ACTION_VERSION,        /* -v */
    PN_ACTION_SETTINGS,       /* -V */
    PN_ACTION_LIST_STATIC,    /* -l */
    PN_ACTION_LIST_DIRECTIVES,/* -L */
    PN_ACTION_HELP,           /* --help: asked for, so no error */
    PN_ACTION_USAGE,          /* -h, or arguments that make no sense */
    PN_ACTION_SERVE,          /* the first argument is "serve" */
    PN_ACTION_EXPLAIN         /* the first argument is "explain" */
};

enum pn_verb { PN_VERB_NONE, PN_VERB_START, PN_VERB_STOP, PN_VERB_RESTART, PN_VERB_GRACEFUL, PN_VERB_GRACEFUL_STOP, PN_VERB_UPGRADE };

struct pn_command {
    enum pn_action      action;
    enum pn_verb        verb;
    const char         *program;      /* argv[0] without its folder */
    const char         *server_root;  /* -d, as given; NULL: not */
    const char         *config_file;  /* -f */
    const char         *error_file;   /* -E */
    enum pn_log_level   start_level;  /* -e: how much the start tells */
    apr_array_header_t *before, *after, *defines; /* -C, -c, -D: of const char * */
    bool                no_docroot_check; /* -T */
    /* of serve: */
    const char         *directory;
    uint16_t            port;         /* 0: 8080 or the next that is free */
    /* of -t: */
    const char         *htaccess_dir; /* --htaccess: the tree whose .htaccess files are checked; NULL: none */
    /* of explain: */
    const char         *url, *method, *client; /* client: its address */
    apr_array_header_t *headers;      /* of const char *: "Name: value" */
    bool                json;
};

/** Takes argv apart. Says on standard error what makes no sense (the action is USAGE then). */
void pn_args_parse(apr_pool_t *pool, int argc, char *const *argv, struct pn_command *ret);
bool pn_args_defined(const struct pn_command *args, const char *name);
/** Ends a list of const char * with NULL. */
const char *const *pn_args_list(apr_array_header_t *list);

/** The summary of the options. */
void pn_usage(FILE *to, const char *program);

#endif
