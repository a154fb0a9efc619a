/* args.c - see args.h. */
#include "main/args.h"

#include <apr_strings.h>
#include <getopt.h>

static const struct option long_options[] = {
    { "help", no_argument, NULL, 'H' },
    { "version", no_argument, NULL, 'v' },
    { "htaccess", required_argument, NULL, 'A' },
    { NULL, 0, NULL, 0 },
};

static void push(apr_array_header_t *list, const char *text)
{
    *(const char **)apr_array_push(list) = text;
}

const char *const *pn_args_list(apr_array_header_t *list)
{
    push(list, NULL);
    apr_array_pop(list);
    return (const char *const *)(void *)list->elts;
}

bool pn_args_defined(const struct pn_command *args, const char *name)
{
    for (int i = 0; i < args->defines->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(args->defines, i, const char *), name) == 0)
            return true;
    return false;
}

/* ---- single options ---- */

static bool take_verb(struct pn_command *args, const char *text)
{
    static const struct {
        const char  *name;
        enum pn_verb verb;
    } verbs[] = { { "start", PN_VERB_START },       { "stop", PN_VERB_STOP },
                  { "restart", PN_VERB_RESTART },   { "graceful", PN_VERB_GRACEFUL },
                  { "graceful-stop", PN_VERB_GRACEFUL_STOP },
                  { "upgrade", PN_VERB_UPGRADE } };

    for (size_t i = 0; i < PN_COUNT(verbs); i++)
        if (strcmp(text, verbs[i].name) == 0) {
            args->verb = verbs[i].verb;
            return true;
        }
    fprintf(stderr, "%s: -k does not know '%s'\n", args->program, text);
    return false;
}

static bool take_level(struct pn_command *args, const char *text)
{
    static const char *const levels[] = { "emerg",  "alert",  "crit",   "error",  "warn",   "notice", "info",   "debug",
                                          "trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8" };

    for (size_t i = 0; i < PN_COUNT(levels); i++)
        if (pn_str_ieq(pn_str_z(text), pn_str_z(levels[i]))) {
            args->start_level = (enum pn_log_level)i;
            return true;
        }
    fprintf(stderr, "%s: -e does not know the level '%s'\n", args->program, text);
    return false;
}

/* Options that end all others. @return false for one that does not. */
static bool take_action(struct pn_command *args, int option)
{
    switch (option) {
    case 'v':
        args->action = PN_ACTION_VERSION;
        return true;
    case 'V':
        args->action = PN_ACTION_SETTINGS;
        return true;
    case 'l':
        args->action = PN_ACTION_LIST_STATIC;
        return true;
    case 'L':
        args->action = PN_ACTION_LIST_DIRECTIVES;
        return true;
    case 'H':
        args->action = PN_ACTION_HELP;
        return true;
    default:
        return false;
    }
}

static bool take_flag(struct pn_command *args, int option)
{
    switch (option) {
    case 't':
        args->action = PN_ACTION_CHECK;
        return true;
    case 'S':
        push(args->defines, "DUMP_VHOSTS");
        push(args->defines, "DUMP_RUN_CFG");
        return true;
    case 'M':
        push(args->defines, "DUMP_MODULES");
        return true;
    case 'T':
        args->no_docroot_check = true;
        return true;
    case 'X':
        push(args->defines, "DEBUG"); /* COMPAT: 2.4 tells <IfDefine> so */
        return true;
    default:
        return false;
    }
}

static bool take_value(struct pn_command *args, int option, const char *value)
{
    switch (option) {
    case 'd':
        args->server_root = value;
        return true;
    case 'f':
        args->config_file = value;
        return true;
    case 'E':
        args->error_file = value;
        return true;
    case 'C':
        push(args->before, value);
        return true;
    case 'c':
        push(args->after, value);
        return true;
    case 'D':
        push(args->defines, value);
        return true;
    case 'e':
        return take_level(args, value);
    case 'k':
        return take_verb(args, value);
    case 'A':
        args->htaccess_dir = value;
        args->action = PN_ACTION_CHECK;
        return true;
    case 'n':
        return true; /* the name of a service: of no use here */
    default:
        return false;
    }
}

static void dumps_are_checks(struct pn_command *args)
{
    static const char *const dumps[] = { "DUMP_VHOSTS", "DUMP_RUN_CFG", "DUMP_MODULES", "DUMP_INCLUDES" };

    for (size_t i = 0; i < PN_COUNT(dumps); i++)
        if (pn_args_defined(args, dumps[i]))
            args->action = PN_ACTION_CHECK;
}

static void take_options(struct pn_command *args, int argc, char *const *argv)
{
    int option;

    /* Where one makes no sense getopt has said so. */
    while ((option = getopt_long(argc, argv, "+C:D:E:LMSTVXc:d:e:f:hk:ln:tv", long_options, NULL)) != -1) {
        if (take_action(args, option))
            return;
        if (!take_flag(args, option) && !(optarg && take_value(args, option, optarg))) {
            args->action = PN_ACTION_USAGE;
            return;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: what is '%s'?\n", args->program, argv[optind]);
        args->action = PN_ACTION_USAGE;
        return;
    }
    dumps_are_checks(args);
}

/* ---- serve DIR [--port N] ---- */

static bool take_port(struct pn_command *args, const char *text)
{
    uint64_t port;

    if (pn_str_to_u64(pn_str_z(text), UINT16_MAX, &port) != PN_OK || port == 0) {
        fprintf(stderr, "%s: --port takes a number from 1 to 65535, not '%s'\n", args->program, text);
        return false;
    }
    args->port = (uint16_t)port;
    return true;
}

static void take_serve(struct pn_command *args, int argc, char *const *argv)
{
    static const struct option options[] = {
        { "port", required_argument, NULL, 'p' },
        { "help", no_argument, NULL, 'H' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    args->action = PN_ACTION_SERVE;
    while ((option = getopt_long(argc, argv, "p:", options, NULL)) != -1) {
        if (option == 'H') {
            args->action = PN_ACTION_HELP;
            return;
        }
        if (option != 'p' || !take_port(args, optarg)) {
            args->action = PN_ACTION_USAGE;
            return;
        }
    }
    if (argc - optind != 1) {
        fprintf(stderr, "%s: serve takes one folder\n", args->program);
        args->action = PN_ACTION_USAGE;
        return;
    }
    args->directory = argv[optind];
}

/* ---- explain URL [-H header]... [-X method] [--json] [--from address] [-f file] ... ---- */

static bool take_explain_option(struct pn_command *args, int option, const char *value)
{
    switch (option) {
    case 'H':
        push(args->headers, value);
        return true;
    case 'X':
        args->method = value;
        return true;
    case 'j':
        args->json = true;
        return true;
    case 'F':
        args->client = value;
        return true;
    default:
        return value && take_value(args, option, value);
    }
}

static void take_explain(apr_pool_t *pool, struct pn_command *args, int argc, char *const *argv)
{
    static const struct option options[] = {
        { "json", no_argument, NULL, 'j' },
        { "from", required_argument, NULL, 'F' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int option;

    args->action = PN_ACTION_EXPLAIN;
    args->headers = apr_array_make(pool, 4, sizeof(const char *));
    args->method = "GET";
    args->client = "127.0.0.1";
    while ((option = getopt_long(argc, argv, "H:X:C:D:c:d:e:f:h", options, NULL)) != -1) {
        if (option == 'h') {
            args->action = PN_ACTION_HELP;
            return;
        }
        if (!take_explain_option(args, option, optarg)) {
            args->action = PN_ACTION_USAGE;
            return;
        }
    }
    if (argc - optind != 1) {
        fprintf(stderr, "%s: explain takes one URL\n", args->program);
        args->action = PN_ACTION_USAGE;
        return;
    }
    args->url = argv[optind];
}

void pn_args_parse(apr_pool_t *pool, int argc, char *const *argv, struct pn_command *ret)
{
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;

    *ret = (struct pn_command){ .program = slash ? slash + 1 : argc > 0 ? argv[0] : "pinion",
                             .start_level = PN_LOG_WARNING,
                             .before = apr_array_make(pool, 4, sizeof(const char *)),
                             .after = apr_array_make(pool, 4, sizeof(const char *)),
                             .defines = apr_array_make(pool, 4, sizeof(const char *)) };
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        take_serve(ret, argc - 1, argv + 1);
    else if (argc > 1 && strcmp(argv[1], "explain") == 0)
        take_explain(pool, ret, argc - 1, argv + 1);
    else
        take_options(ret, argc, argv);
}
