/* mod_template.c - sends a Greeting field with every successful answer: the module to copy (dev/new-module).
 *
 * Runs: fixups, after mod_headers.   Suspends: never.   Settings: struct template_conf.   Spec: none. */
#include <pinion/request.h>

struct template_conf {
    bool   active;
    pn_str text; /* the field's value */
};

static const struct pn_directive directives[] = {
    { .name = "Template",
      .args = PN_FLAG,
      .where = PN_CTX_ANY,
      .override = PN_OVR_FILEINFO,
      .slot = PN_SLOT(struct template_conf, active),
      .dflt = "Off",
      .help = "Send a Greeting field" },
    { .name = "TemplateText",
      .args = PN_TAKE1,
      .where = PN_CTX_ANY,
      .override = PN_OVR_FILEINFO,
      .slot = PN_SLOT(struct template_conf, text),
      .dflt = "hello",
      .help = "The value of the Greeting field" },
    { 0 }
};

struct pn_module pn_module_template;

/* Asked once for each merged place: where the module is off, its hook costs nothing. */
static bool is_active(const struct pn_server *server, const void *server_conf, const void *dir_conf)
{
    const struct template_conf *conf = dir_conf;

    return conf && conf->active;
}

static enum pn_verdict fixup(struct pn_request *r)
{
    const struct template_conf *conf = pn_dir_conf(r, &pn_module_template);

    pn_headers_set_name(&r->out, PN_STR("Greeting"), conf->text);
    return PN_NEXT;
}

static void hooks(struct pn_hooks *h)
{
    pn_hook_fixup(h, fixup, { .after = "mod_headers.c", .when = is_active });
}

struct pn_module pn_module_template = {
    .api = PN_MODULE_API,
    .name = "mod_template.c",
    .apache_id = "template_module",
    .directives = directives,
    .dir_conf_size = sizeof(struct template_conf),
    .hooks = hooks,
};
