/* registry.c - see registry.h. */
#include "conf/registry.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/slot.h"

static struct {
    struct pn_module_info **v; /* pointers stay valid when the list grows */
    unsigned                n, cap;
    unsigned                index_end;
} known;

/* ---- rows ---- */

static bool row_is_list(const struct pn_directive *row)
{
    return row->slot.type == PN_SLOT_STRLIST && row->merge == PN_MERGE_APPEND;
}

enum pn_conf_scope pn_row_scope(const struct pn_directive *row)
{
    if (row->scope != PN_SCOPE_AUTO)
        return row->scope;
    return row->where & PN_CTX_DIR ? PN_SCOPE_DIR : PN_SCOPE_SERVER;
}

static pn_str plain_name(const struct pn_directive *row)
{
    return pn_str_z(row->name[0] == '<' ? row->name + 1 : row->name);
}

const struct pn_directive *pn_module_row(const struct pn_module *module, pn_str name)
{
    for (const struct pn_directive *row = module->directives; row && row->name; row++)
        if (pn_str_ieq(plain_name(row), name))
            return row;
    return NULL;
}

/* A row that breaks a rule is a bug of its module: better found at the first start than by a user. */
static void require(bool holds, const struct pn_module *module, const struct pn_directive *row,
                    const char *rule)
{
    char text[160];

    if (holds)
        return;
    snprintf(text, sizeof(text), "directive %s: %s", row->name, rule);
    pn_assert_failed(module->name, 0, text);
}

static void check_slot(const struct pn_module *module, const struct pn_directive *row)
{
    size_t size =
        pn_row_scope(row) == PN_SCOPE_DIR ? module->dir_conf_size : module->server_conf_size;
    pn_usec zero;

    require(row->slot.offset + pn_slot_size(row->slot.type) <= size, module, row,
            "its slot lies outside of the settings struct of its scope");
    require(row->slot.type != PN_SLOT_ENUM || row->choices, module, row, "an enum needs .choices");
    require(row->slot.type != PN_SLOT_USEC ||
                pn_conf_duration(PN_STR("0"), row->unit, &zero) == PN_OK,
            module, row, "a duration needs a unit of time, or none");
}

static void check_row(const struct pn_module *module, const struct pn_directive *row)
{
    bool has_slot = row->slot.type != PN_SLOT_NONE;

    if (row->gone) {
        require(!row->set && !has_slot, module, row, "what is gone has no slot and no function");
        return;
    }
    require(row->args >= PN_NO_ARGS && row->args <= PN_SECTION, module, row, ".args is missing");
    require(row->where != 0, module, row, ".where is missing");
    require(row->set || (has_slot && row->args != PN_SECTION), module, row, "nothing sets it");
    if (row->where & PN_CTX_HTACCESS) {
        require(row->override != PN_OVR_NONE, module, row, "no .override would ever admit it");
        require(pn_row_scope(row) == PN_SCOPE_DIR, module, row,
                "a .htaccess cannot change a server's settings");
    }
    if (has_slot)
        check_slot(module, row);
}

static uint16_t first_row_of_slot(const struct pn_module *module, unsigned position)
{
    const struct pn_directive *rows = module->directives;
    const struct pn_directive *row = &rows[position];

    if (row->slot.type != PN_SLOT_NONE) {
        for (unsigned i = 0; i < position; i++) {
            if (rows[i].slot.type != PN_SLOT_NONE && rows[i].slot.offset == row->slot.offset &&
                pn_row_scope(&rows[i]) == pn_row_scope(row))
                return (uint16_t)i;
        }
    }
    return (uint16_t)position;
}

static void read_rows(struct pn_module_info *info)
{
    const struct pn_directive *rows = info->module->directives;

    while (rows && rows[info->n_rows].name)
        info->n_rows++;
    pn_assert(info->n_rows < UINT16_MAX);
    info->n_words = (info->n_rows + 63) / 64;
    info->bit_of_row = calloc(info->n_rows + 1, sizeof(*info->bit_of_row));
    pn_assert(info->bit_of_row);
    for (unsigned i = 0; i < info->n_rows; i++) {
        check_row(info->module, &rows[i]);
        info->bit_of_row[i] = first_row_of_slot(info->module, i);
        if (row_is_list(&rows[i]) && pn_row_scope(&rows[i]) == PN_SCOPE_DIR)
            info->dir_lists = true;
        if (row_is_list(&rows[i]) && pn_row_scope(&rows[i]) == PN_SCOPE_SERVER)
            info->server_lists = true;
    }
}

/* ---- modules ---- */

const struct pn_module_info *pn_registry_add(struct pn_module *module, const char *path)
{
    struct pn_module_info *info = calloc(1, sizeof(*info));

    pn_assert(info && module->api == PN_MODULE_API && module->name && module->apache_id);
    info->module = module;
    info->is_shared = path != NULL;
    info->path = path ? strdup(path) : NULL;
    read_rows(info);
    module->index = PN_MODULE_NO_INDEX;
    if (known.n == known.cap) {
        known.cap = known.cap ? known.cap * 2 : 64;
        known.v = realloc(known.v, known.cap * sizeof(struct pn_module_info *));
        pn_assert(known.v);
    }
    known.v[known.n++] = info;
    return info;
}

void pn_registry_init(struct pn_module *const *modules)
{
    pn_assert(known.n == 0);
    for (; *modules; modules++)
        pn_registry_add(*modules, NULL);
}

void pn_registry_forget(void)
{
    for (unsigned i = 0; i < known.n; i++) {
        known.v[i]->module->index = PN_MODULE_NO_INDEX;
        free(known.v[i]->bit_of_row);
        free((char *)known.v[i]->path);
        free(known.v[i]);
    }
    free(known.v);
    memset(&known, 0, sizeof(known));
}

unsigned pn_registry_number(struct pn_module *module)
{
    if (module->index == PN_MODULE_NO_INDEX)
        module->index = known.index_end++;
    return module->index;
}

unsigned pn_registry_index_end(void)
{
    return known.index_end;
}

bool pn_module_named(const struct pn_module *module, pn_str name)
{
    if (pn_str_eq(pn_str_z(module->name), name) || pn_str_eq(pn_str_z(module->apache_id), name))
        return true;
    for (const char *const *also = module->also; also && *also; also++)
        if (pn_str_eq(pn_str_z(*also), name))
            return true;
    return false;
}

struct pn_module *pn_registry_find(pn_str name)
{
    for (unsigned i = 0; i < known.n; i++)
        if (pn_module_named(known.v[i]->module, name))
            return known.v[i]->module;
    return NULL;
}

unsigned pn_registry_count(void)
{
    return known.n;
}

const struct pn_module_info *pn_registry_at(unsigned i)
{
    pn_assert(i < known.n);
    return known.v[i];
}

const struct pn_module_info *pn_module_info(const struct pn_module *module)
{
    for (unsigned i = 0; i < known.n; i++)
        if (known.v[i]->module == module)
            return known.v[i];
    pn_assert_failed(__FILE__, __LINE__, "a module is not in the registry");
}
