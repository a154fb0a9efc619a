/* server.c - the main server and virtual hosts as objects of a generation. See apply.h. */
#include "conf/apply.h"
#include "conf/core.h"
#include "conf/vec.h"

struct pn_server *pn__server_new(struct pn_generation *generation)
{
    struct pn_generation_core *core = generation->core;
    struct pn_server          *server = apr_pcalloc(generation->pool, sizeof(*server));

    server->generation = generation;
    server->index = generation->n_servers++;
    server->is_main = server->index == 0;
    server->name = server->scheme = server->path = PN_STR("");
    server->dir_conf = pn_conf_vec_new(generation, generation->pool);
    server->n_conf = core->n_conf;
    server->conf = apr_pcalloc(generation->pool, core->n_conf * sizeof(void *) + 1);
    if (core->last_server)
        core->last_server->next = server;
    else
        generation->servers = server;
    core->last_server = server;
    return server;
}

struct pn_server *pn_conf_new_vhost(struct pn_conf_cmd *cmd)
{
    struct pn_server *server;

    pn_assert(!cmd->state->htaccess && !cmd->generation->core->plans);
    server = pn__server_new(cmd->generation);
    server->file = pn_conf_file_name(cmd);
    server->line = cmd->node->line;
    return server;
}
