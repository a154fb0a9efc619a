/* include_elements.c - the elements of server-side includes. Apache manual: mod_include, "Available Elements".
 *
 * An element that includes something sets self->part and is called again for its further arguments when that part has been
 * handed on. */
#define PN_LOG_MODULE &pn_module_include
#include <pinion/log.h>

#include <apr_strings.h>

#include "include.h"

#define ELEMENT (&self->parser.element)

void include_error(struct include *self)
{
    pn_buf_str(&self->out, self->error_msg);
}

PN_COLD static void unknown_parameter(struct include *self, const struct ssi_arg *arg)
{
    PN_LOG_R(self->super.r, PN_LOG_ERR, 1346, 0, "unknown parameter \"%s\" to tag %s in %s", pn_str_escape(self->scratch, arg->name).p,
             pn_str_escape(self->scratch, ELEMENT->name).p, self->super.r->filename.p);
    include_error(self);
}

PN_COLD static void missing(struct include *self, const char *what)
{
    PN_LOG_R(self->super.r, PN_LOG_ERR, 1343, 0, "missing %s for %s element in %s", what,
             pn_str_escape(self->scratch, ELEMENT->name).p, self->super.r->filename.p);
    include_error(self);
}

/* The next argument with a value; an argument without one ends the element. */
static const struct ssi_arg *next_arg(struct include *self, unsigned *at)
{
    const struct ssi_arg *arg = *at < ELEMENT->n_args ? &ELEMENT->args[*at] : NULL;

    (*at)++;
    return arg && arg->value.p ? arg : NULL;
}

static bool is(const struct ssi_arg *arg, const char *name)
{
    return pn_str_eq(arg->name, pn_str_z(name));
}

/* An argument's value with entities and variables replaced. */
PN_MAY_YIELD static pn_str value_of(struct include *self, const struct ssi_arg *arg)
{
    return include_expand(self, include_unescape_entities(self->scratch, arg->value));
}

static void unknown_encoding(struct include *self, const struct ssi_arg *arg)
{
    PN_LOG_R(self->super.r, PN_LOG_ERR, 1345, 0, "unknown value \"%s\" to parameter \"%s\" of tag %s in %s",
             pn_str_escape(self->scratch, arg->value).p, pn_str_escape(self->scratch, arg->name).p,
             pn_str_escape(self->scratch, ELEMENT->name).p, self->super.r->filename.p);
    include_error(self);
}

/* ---- echo, set, printenv, config ---- */

static bool knows_encoding(struct include *self, pn_str names)
{
    pn_str nothing = PN_STR("");

    return include_encode(self->scratch, names, &nothing);
}

PN_MAY_YIELD static void echo(struct include *self)
{
    pn_str                encoding = PN_STR("entity"), decoding = PN_STR("none");
    const struct ssi_arg *arg;
    unsigned              at = 0;

    if (ELEMENT->n_args == 0)
        missing(self, "argument");
    while ((arg = next_arg(self, &at))) {
        if (is(arg, "var")) {
            pn_str value = include_var(self, value_of(self, arg));
            if (value.p) {
                (void)!include_decode(self->scratch, decoding, &value);
                (void)!include_encode(self->scratch, encoding, &value);
            }
            pn_buf_str(&self->out, value.p ? value : self->undefined_echo);
        }
        else if (!is(arg, "encoding") && !is(arg, "decoding")) {
            unknown_parameter(self, arg);
            return;
        }
        else if (!knows_encoding(self, arg->value)) {
            unknown_encoding(self, arg);
            return;
        }
        else
            *(is(arg, "encoding") ? &encoding : &decoding) = arg->value;
    }
}

PN_MAY_YIELD static void set_value(struct include *self, pn_str var, pn_str decoding, pn_str encoding, const struct ssi_arg *arg)
{
    pn_str value = include_expand(self, arg->value);

    (void)!include_decode(self->scratch, decoding, &value);
    (void)!include_encode(self->scratch, encoding, &value);
    include_set(self, include_expand(self, var), value);
}

PN_MAY_YIELD static void set(struct include *self)
{
    pn_str                encoding = PN_STR("none"), decoding = PN_STR("none"), var = { NULL, 0 };
    const struct ssi_arg *arg;
    unsigned              at = 0;

    if (ELEMENT->n_args < 2)
        missing(self, "argument");
    while (ELEMENT->n_args >= 2 && (arg = next_arg(self, &at))) {
        if (is(arg, "var"))
            var = include_unescape_entities(self->scratch, arg->value);
        else if (is(arg, "value") && var.p)
            set_value(self, var, decoding, encoding, arg);
        else if (is(arg, "value")) {
            missing(self, "variable before value");
            return;
        }
        else if (!is(arg, "encoding") && !is(arg, "decoding")) {
            unknown_parameter(self, arg);
            return;
        }
        else if (!knows_encoding(self, arg->value)) {
            unknown_encoding(self, arg);
            return;
        }
        else
            *(is(arg, "encoding") ? &encoding : &decoding) = arg->value;
    }
}

PN_MAY_YIELD static void printenv(struct include *self)
{
    if (ELEMENT->n_args) {
        PN_LOG_R(self->super.r, PN_LOG_WARNING, 1364, 0, "printenv directive does not take tags in %s", self->super.r->filename.p);
        include_error(self);
        return;
    }
    include_print_all(self);
}

PN_MAY_YIELD static void config(struct include *self)
{
    const struct ssi_arg *arg;
    unsigned              at = 0;
    apr_pool_t           *pool = self->super.r->pool;

    if (ELEMENT->n_args == 0)
        missing(self, "argument");
    while ((arg = next_arg(self, &at))) {
        pn_str value = include_expand(self, arg->value);
        if (is(arg, "errmsg"))
            self->error_msg = pn_str_dup(pool, value);
        else if (is(arg, "echomsg"))
            self->undefined_echo = pn_str_dup(pool, value);
        else if (is(arg, "timefmt"))
            self->time_format = pn_str_dup(pool, value);
        else if (is(arg, "sizefmt") && pn_str_eq(value, PN_STR("bytes")))
            self->size_in_bytes = true;
        else if (is(arg, "sizefmt") && pn_str_eq(value, PN_STR("abbrev")))
            self->size_in_bytes = false;
        else if (is(arg, "sizefmt")) {
            unknown_encoding(self, arg);
            return;
        }
        else {
            unknown_parameter(self, arg);
            return;
        }
    }
}

/* ---- fsize, flastmod ---- */

/* 1234567 as 1,234,567. */
static void put_grouped(struct pn_buf *out, uint64_t value)
{
    char   digits[24];
    size_t n = 0;

    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (n) {
        pn_buf_ch(out, digits[--n]);
        if (n && n % 3 == 0)
            pn_buf_ch(out, ',');
    }
}

static void put_size(struct include *self, uint64_t size)
{
    char text[8];

    if (self->size_in_bytes)
        put_grouped(&self->out, size);
    else
        pn_buf_str(&self->out, pn_str_z(apr_strfsize((apr_off_t)size, text)));
}

PN_MAY_YIELD static void file_fact(struct include *self, bool size)
{
    const struct ssi_arg *arg;
    unsigned              at = 0;

    if (ELEMENT->n_args == 0)
        missing(self, "argument");
    while ((arg = next_arg(self, &at))) {
        if (!is(arg, "virtual") && !is(arg, "file")) {
            unknown_parameter(self, arg);
            return;
        }
        const struct pn_finfo *info = include_find(self, value_of(self, arg), is(arg, "virtual"));
        if (!info) {
            include_error(self);
            return;
        }
        if (size)
            put_size(self, info->size);
        else
            pn_buf_str(&self->out, include_time(self, info->mtime, false));
    }
}

PN_MAY_YIELD static void fsize(struct include *self)
{
    file_fact(self, true);
}

PN_MAY_YIELD static void flastmod(struct include *self)
{
    file_fact(self, false);
}

/* ---- include, exec: one argument at a time ---- */

/* An inclusion that failed shows its message unless an onerror follows at once. */
static void settle_failure(struct include *self)
{
    if (self->failed_part)
        include_error(self);
    self->failed_part = false;
}

PN_MAY_YIELD static bool include_one(struct include *self, const struct ssi_arg *arg)
{
    if (is(arg, "onerror")) {
        if (!self->failed_part)
            return true;
        self->failed_part = !include_virtual(self, value_of(self, arg));
        settle_failure(self);
        return true;
    }
    settle_failure(self);
    if (is(arg, "virtual"))
        self->failed_part = !include_virtual(self, value_of(self, arg));
    else if (is(arg, "file"))
        self->failed_part = !include_file(self, value_of(self, arg));
    else {
        unknown_parameter(self, arg);
        return false;
    }
    return true;
}

PN_MAY_YIELD static void include(struct include *self)
{
    const struct ssi_arg *arg = NULL;

    if (ELEMENT->n_args == 0)
        missing(self, "argument");
    self->resume = true;
    while (self->resume && !self->part) {
        arg = next_arg(self, &self->arg_at);
        self->resume = arg && include_one(self, arg);
    }
    if (!self->resume)
        settle_failure(self);
}

PN_MAY_YIELD static void exec(struct include *self)
{
    const struct ssi_arg *arg = NULL;
    bool                  done;

    if (ELEMENT->n_args == 0)
        missing(self, "argument");
    self->resume = true;
    while (self->resume && !self->part) {
        arg = next_arg(self, &self->arg_at);
        self->resume = arg != NULL;
        if (!arg)
            break;
        if (is(arg, "cmd"))
            done = include_command(self, value_of(self, arg));
        else if (is(arg, "cgi"))
            done = include_cgi(self, value_of(self, arg));
        else {
            unknown_parameter(self, arg);
            self->resume = false;
            break;
        }
        if (!done)
            include_error(self);
    }
}

/* ---- conditions ---- */

/* What can't be told prints neither branch. */
static void condition_failed(struct include *self)
{
    include_error(self);
    self->printing = false;
    self->cond_true = true;
}

PN_MAY_YIELD static void decide(struct include *self)
{
    bool ok;

    if (ELEMENT->n_args != 1 || !ELEMENT->args[0].value.p || !is(&ELEMENT->args[0], "expr")) {
        PN_LOG_R(self->super.r, PN_LOG_ERR, 1353, 0, "%s expr argument for %s element in %s",
                 ELEMENT->n_args > 1 ? "more than the" : "missing", pn_str_escape(self->scratch, ELEMENT->name).p,
                 self->super.r->filename.p);
        condition_failed(self);
        return;
    }
    bool holds = include_holds(self, ELEMENT->args[0].value, &ok);
    if (!ok)
        condition_failed(self);
    else
        self->printing = self->cond_true = holds;
}

PN_MAY_YIELD static void if_(struct include *self)
{
    if (!self->printing)
        self->skipped_ifs++;
    else
        decide(self);
}

PN_MAY_YIELD static void elif(struct include *self)
{
    if (self->skipped_ifs)
        return;
    if (self->cond_true)
        self->printing = false;
    else
        decide(self);
}

static bool takes_no_arguments(struct include *self)
{
    if (ELEMENT->n_args == 0)
        return true;
    PN_LOG_R(self->super.r, PN_LOG_ERR, 1360, 0, "%s directive does not take tags in %s", pn_str_escape(self->scratch, ELEMENT->name).p,
             self->super.r->filename.p);
    if (self->printing)
        include_error(self);
    return false;
}

static void else_(struct include *self)
{
    if (!takes_no_arguments(self) || self->skipped_ifs)
        return;
    self->printing = !self->cond_true;
    self->cond_true = true;
}

static void endif(struct include *self)
{
    if (!takes_no_arguments(self))
        return;
    if (self->skipped_ifs)
        self->skipped_ifs--;
    else
        self->printing = self->cond_true = true;
}

static void comment(struct include *self)
{
    (void)self;
}

/* ---- dispatch ---- */

static const struct {
    pn_str name;
    PN_MAY_YIELD void (*run)(struct include *self);
    bool flow; /* also where nothing is printed */
} elements[] = {
    { PN_STR_INIT("include"), include, false }, { PN_STR_INIT("echo"), echo, false },
    { PN_STR_INIT("set"), set, false },         { PN_STR_INIT("if"), if_, true },
    { PN_STR_INIT("elif"), elif, true },        { PN_STR_INIT("else"), else_, true },
    { PN_STR_INIT("endif"), endif, true },      { PN_STR_INIT("config"), config, false },
    { PN_STR_INIT("fsize"), fsize, false },     { PN_STR_INIT("flastmod"), flastmod, false },
    { PN_STR_INIT("printenv"), printenv, false }, { PN_STR_INIT("exec"), exec, false },
    { PN_STR_INIT("comment"), comment, false },
};

PN_COLD static void faulty(struct include *self)
{
    static const struct { unsigned id; const char *text; } faults[] = {
        [SSI_NO_NAME] = { 1368, "missing directive name" },
        [SSI_NO_ARG_NAME] = { 1369, "missing argument name for a value" },
        [SSI_TOO_LONG] = { 20312, "an element is too long" },
        [SSI_UNFINISHED] = { 1372, "SSI directive was not properly finished at the end" },
    };

    PN_LOG_R(self->super.r, PN_LOG_ERR, faults[ELEMENT->fault].id, 0, "%s of parsed document %s", faults[ELEMENT->fault].text,
             self->super.r->filename.p);
    if (self->printing)
        include_error(self);
}

void include_element(struct include *self)
{
    if (ELEMENT->fault != SSI_OK) {
        faulty(self);
        return;
    }
    for (size_t i = 0; i < PN_COUNT(elements); i++) {
        if (!pn_str_eq(elements[i].name, ELEMENT->name))
            continue;
        if (self->printing || elements[i].flow)
            elements[i].run(self);
        return;
    }
    if (!self->printing)
        return;
    PN_LOG_R(self->super.r, PN_LOG_ERR, 1371, 0, "unknown directive \"%s\" in parsed doc %s",
             pn_str_escape(self->scratch, ELEMENT->name).p, self->super.r->filename.p);
    include_error(self);
}
