/* serve.c - `pinion serve DIR`: a configuration made up on the spot, for a developer's machine.
 *
 * Listens on the local machine only, in the foreground, as the user who started it; logs go to the terminal. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "conf/registry.h"
#include "main/boot.h"
#include "net/listener.h"
#include "proc/proc.h"

enum { FIRST_PORT = 8080, PORTS_TRIED = 100 };

struct serving {
    struct pn_command args;
    uint16_t       port;
    const char    *directory; /* absolute */
};

/* ---- the configuration ---- */

/* For use between quotes. */
static const char *quoted(apr_pool_t *pool, const char *path)
{
    struct pn_buf out;

    pn_buf_init(&out, pool, 2 * PATH_MAX + 1);
    for (; *path; path++) {
        if (*path == '"' || *path == '\\')
            pn_buf_ch(&out, '\\');
        pn_buf_ch(&out, *path);
    }
    return pn_str_zdup(pool, pn_buf_view(&out));
}

/* Modules that a folder is nicer with; the list of those that are built in decides. */
static void load_modules(struct pn_buf *out)
{
    static const char *const wanted[] = { "authz_core", "log_config", "mime", "dir", "autoindex", "alias", "negotiation" };

    for (size_t i = 0; i < PN_COUNT(wanted); i++) {
        char name[32];
        int  n = snprintf(name, sizeof(name), "%s_module", wanted[i]);

        const struct pn_module *module = pn_registry_find(pn_str_n(name, (size_t)n));
        if (module && !module->is_static)
            pn_buf_printf(out, "LoadModule %s built-in\n", name);
    }
}

static const char *configuration(apr_pool_t *pool, const struct serving *self)
{
    static const char rest[] = "ServerName localhost\n"
                               "ErrorLog /dev/stderr\n"
                               "LogLevel warn\n"
                               "StartServers 1\n"
                               "KeepAliveTimeout 15\n"
                               "MaxKeepAliveRequests 0\n"
                               "DocumentRoot \"${PINION_SERVE_DIR}\"\n"
                               "<Directory \"${PINION_SERVE_DIR}\">\n"
                               "    Options Indexes FollowSymLinks\n"
                               "    AllowOverride All\n"
                               "    <IfModule mod_authz_core.c>\n"
                               "        Require all granted\n"
                               "    </IfModule>\n"
                               "</Directory>\n"
                               "<IfModule mod_log_config.c>\n"
                               "    LogFormat \"%h %t \\\"%r\\\" %>s %b\" terminal\n"
                               "    CustomLog /dev/stdout terminal\n"
                               "</IfModule>\n"
                               "<IfModule mod_mime.c>\n"
                               "    <IfFile /etc/mime.types>\n"
                               "        TypesConfig /etc/mime.types\n"
                               "    </IfFile>\n"
                               "</IfModule>\n"
                               "<IfModule mod_dir.c>\n"
                               "    DirectoryIndex index.html\n"
                               "</IfModule>\n"
                               "<IfModule mod_autoindex.c>\n"
                               "    IndexOptions FancyIndexing HTMLTable NameWidth=* Charset=UTF-8 FoldersFirst\n"
                               "</IfModule>\n";
    struct pn_buf out;

    pn_buf_init(&out, pool, 16384);
    load_modules(&out);
    pn_buf_printf(&out, "Listen 127.0.0.1:%u\n", self->port);
    pn_buf_add(&out, rest, sizeof(rest) - 1);
    return pn_str_zdup(pool, pn_buf_view(&out));
}

/* ---- the port ---- */

/* @return errno: could the port be had a moment ago? 0: yes. */
static int try_port(apr_pool_t *pool, uint16_t port)
{
    struct pn_listen_options options = { .backlog = 1 };
    struct pn_listener      *list = NULL;
    const char              *error;
    pn_str                   spec = pn_str_printf(pool, "127.0.0.1:%u", port);

    if (pn_listener_add(pool, &list, spec, PN_STR("http"), &error) != PN_OK)
        return EINVAL;
    if (pn_listeners_open(pool, list, NULL, &options, &error) != PN_OK)
        return errno;
    pn_listeners_close(list);
    return 0;
}

static bool choose_port(apr_pool_t *pool, struct serving *self)
{
    uint16_t asked = self->args.port, first = asked ? asked : FIRST_PORT;
    uint16_t last = asked ? asked : FIRST_PORT + PORTS_TRIED - 1;
    int      error = 0;

    for (uint16_t port = first; port <= last; port++) {
        error = try_port(pool, port);
        if (error == 0) {
            self->port = port;
            return true;
        }
        if (error != EADDRINUSE)
            break;
    }
    fprintf(stderr, "%s: port %u cannot be had: %s\n", self->args.program, first, strerror(error));
    return false;
}

/* ---- running ---- */

static void say_where(void *arg)
{
    const struct pn_command *args = arg;
    const struct serving *self = PN_CONTAINER(args, const struct serving, args);

    printf("%s is at http://127.0.0.1:%u/ - Ctrl-C stops\n", self->directory, self->port);
    fflush(stdout);
}

static bool find_directory(apr_pool_t *pool, struct serving *self)
{
    char       *path = realpath(self->args.directory, NULL);
    struct stat found;

    if (!path || stat(path, &found) != 0 || !S_ISDIR(found.st_mode)) {
        fprintf(stderr, "%s: %s: %s\n", self->args.program, self->args.directory, strerror(path ? ENOTDIR : errno));
        free(path);
        return false;
    }
    self->directory = pn_str_zdup(pool, pn_str_z(path));
    free(path);
    return true;
}

int pn_serve(const struct pn_command *args, apr_pool_t *pool)
{
    struct serving         self = { .args = *args };
    struct pn_proc_options options = { .ops = &pn_glue, .arg = &self.args, .name = PN_SERVER_NAME,
                                       .command_line = "serve", .keep_identity = true, .no_pid_file = true,
                                       .on_ready = say_where };
    struct pn_load_report  report;

    if (!find_directory(pool, &self) || !choose_port(pool, &self))
        return 1;
    self.args.server_root = "/";
    self.args.start_level = PN_LOG_ERR;
    *(const char **)apr_array_push(self.args.defines) =
        PN_CAT(pool, PN_STR("PINION_SERVE_DIR="), pn_str_z(quoted(pool, self.directory))).p;
    *(const char **)apr_array_push(self.args.before) = configuration(pool, &self);
    options.generation = pn_boot_load(&self.args, pool, 1, PN_LOAD_TO_RUN, &report);
    pn_boot_print(&self.args, &report);
    return options.generation ? pn_proc_run(&options) : 1;
}
