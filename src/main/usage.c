/* usage.c - the summary of the options, in the form that httpd's has. */
#include "main/args.h"

static const struct {
    const char *option, *help;
} rows[] = {
    { "-D name", "define a name for <IfDefine name> sections" },
    { "-d directory", "the ServerRoot to begin with" },
    { "-f file", "the configuration file" },
    { "-C \"directive\"", "obey a directive before the configuration file" },
    { "-c \"directive\"", "obey a directive after the configuration file" },
    { "-e level", "how much the start tells (see LogLevel)" },
    { "-E file", "errors of the start go to a file" },
    { "-k action", "act on the server that runs, or start one" },
    { "-v", "show the version" },
    { "-V", "show the version and how the program was built" },
    { "-h", "show this page" },
    { "-l", "list the modules that are always there" },
    { "-L", "list the directives" },
    { "-t -D DUMP_VHOSTS", "show the virtual hosts" },
    { "-t -D DUMP_RUN_CFG", "show the settings of a run" },
    { "-S", "the same as -t -D DUMP_VHOSTS -D DUMP_RUN_CFG" },
    { "-t -D DUMP_MODULES", "show the active modules" },
    { "-M", "the same as -t -D DUMP_MODULES" },
    { "-t -D DUMP_INCLUDES", "show the configuration files that are read" },
    { "-t -D DUMP_CONFIG", "show the configuration as it is understood" },
    { "-t", "check the configuration" },
    { "-t --htaccess dir", "check the .htaccess files of a tree too" },
    { "-T", "start without a look at the document roots" },
    { "-X", "serve from one process that stays in the terminal" },
};

void pn_usage(FILE *to, const char *program)
{
    int indent = (int)strlen(program) + 7;

    fprintf(to, "Usage: %s [-D name] [-d directory] [-f file]\n", program);
    fprintf(to, "%*s [-C \"directive\"] [-c \"directive\"]\n", indent, "");
    fprintf(to, "%*s [-k start|restart|graceful|graceful-stop|stop|upgrade]\n", indent, "");
    fprintf(to, "%*s [-v] [-V] [-h] [-l] [-L] [-t] [-T] [-S] [-X]\n", indent, "");
    fprintf(to, "       %s serve directory [--port number]\n", program);
    fprintf(to, "       %s explain url [-H \"header: value\"]... [-X method] [--from address] [--json] [-f file] ...\n", program);
    fprintf(to, "Options:\n");
    for (size_t i = 0; i < PN_COUNT(rows); i++)
        fprintf(to, "  %-20s : %s\n", rows[i].option, rows[i].help);
}
