/* mod_autoindex_conf.c - the directives of mod_autoindex, how places inherit them, and the matching of their patterns. */
#include "mod_autoindex.h"

/* ---- IndexOptions ---- */

static const struct { const char *name; uint32_t bit; } keywords[] = {
    { "AddAltClass", INDEX_ALT_CLASS },
    { "FancyIndexing", INDEX_FANCY },
    { "FoldersFirst", INDEX_FOLDERS_FIRST },
    { "HTMLTable", INDEX_TABLE },
    { "IconsAreLinks", INDEX_ICONS_ARE_LINKS },
    { "IgnoreCase", INDEX_IGNORE_CASE },
    { "IgnoreClient", INDEX_IGNORE_CLIENT },
    { "Modern", INDEX_MODERN },
    { "ScanHTMLTitles", INDEX_SCAN_TITLES },
    { "ShowForbidden", INDEX_SHOW_FORBIDDEN },
    { "SuppressColumnSorting", INDEX_NO_SORT_LINKS },
    { "SuppressDescription", INDEX_NO_DESCRIPTION },
    { "SuppressHTMLPreamble", INDEX_NO_PREAMBLE },
    { "SuppressIcon", INDEX_NO_ICON },
    { "SuppressLastModified", INDEX_NO_DATE },
    { "SuppressRules", INDEX_NO_RULES },
    { "SuppressSize", INDEX_NO_SIZE },
    { "TrackModified", INDEX_TRACK_MODIFIED },
    { "UseOldDateFormat", INDEX_OLD_DATE },
    { "VersionSort", INDEX_VERSION_SORT },
    { "XHTML", INDEX_XHTML },
};

static uint32_t keyword_bit(pn_str word)
{
    for (size_t i = 0; i < PN_COUNT(keywords); i++)
        if (pn_str_ieq(word, pn_str_z(keywords[i].name)))
            return keywords[i].bit;
    return 0;
}

/* A keyword that stands for a width: which member, what it may be. */
struct width_keyword {
    const char *name;
    size_t      value, set;     /* offsets */
    int32_t     least, usual;   /* smallest number; value of the bare keyword, 0: it needs one */
    bool        may_be_star;
};

#define WIDTH(keyword, member, ...)                                                                \
    { keyword, offsetof(struct autoindex_conf, member), offsetof(struct autoindex_conf, member##_set), __VA_ARGS__ }

static const struct width_keyword widths[] = {
    WIDTH("NameWidth", name_width, 5, 0, true),
    WIDTH("DescriptionWidth", description_width, 12, 0, true),
    WIDTH("IconHeight", icon_height, 0, 22, false),
    WIDTH("IconWidth", icon_width, 0, 20, false),
};

#define WIDTH_MAX 65535

static const char *width_number(struct pn_conf_cmd *cmd, const struct width_keyword *width, pn_str value, int32_t *ret)
{
    uint64_t number = 0;

    if (width->may_be_star && pn_str_eq(value, PN_STR("*"))) {
        *ret = AUTOINDEX_WIDEST;
        return NULL;
    }
    if (pn_str_to_u64(value, WIDTH_MAX, &number) != PN_OK)
        pn_conf_warn(cmd, "IndexOptions %s='%.*s' is no number: the usual width is taken", width->name, PN_FMT(value));
    else if (number && number < (uint64_t)width->least)
        return pn_conf_error_text(cmd, "%s value must be greater than %d", width->name, width->least);
    *ret = (int32_t)number;
    return NULL;
}

/* @param sign '+', '-' or 0.  @param value p == NULL: none was given. */
static const char *take_width(struct pn_conf_cmd *cmd, struct autoindex_conf *conf, const struct width_keyword *width, char sign,
                              pn_str value)
{
    int32_t    *number = (int32_t *)(void *)((char *)conf + width->value);
    const char *error = NULL;

    if (sign == '-') {
        if (value.p)
            return pn_conf_error_text(cmd, "Cannot combine '-' with %s=n", width->name);
        *number = 0;
    }
    else if (value.p)
        error = width_number(cmd, width, value, number);
    else if (width->usual)
        *number = width->usual;
    else
        return pn_conf_error_text(cmd, "%s with no value may only appear as '-%s'", width->name, width->name);
    *(bool *)((char *)conf + width->set) = true;
    return error;
}

/* Keywords with a value. @return true when it was one; then *ret_error says whether it was right. */
static bool take_valued(struct pn_conf_cmd *cmd, struct autoindex_conf *conf, char sign, pn_str word, const char **ret_error)
{
    pn_str value, name = pn_str_cut(word, '=', &value);

    *ret_error = NULL;
    for (size_t i = 0; i < PN_COUNT(widths); i++) {
        if (pn_str_ieq(name, pn_str_z(widths[i].name))) {
            *ret_error = take_width(cmd, conf, &widths[i], sign, value);
            return true;
        }
    }
    if (value.p && pn_str_ieq(name, PN_STR("Type")))
        conf->type = pn_str_dup(cmd->pool, value);
    else if (value.p && pn_str_ieq(name, PN_STR("Charset")))
        conf->charset = pn_str_dup(cmd->pool, value);
    else
        return false;
    if (!pn_header_value_ok(value))
        *ret_error = pn_conf_error_text(cmd, "%.*s has control characters in it", PN_FMT(name));
    return true;
}

static void set_bit(struct autoindex_conf *conf, char sign, uint32_t bit)
{
    if (sign == '+') {
        conf->add |= bit;
        conf->remove &= ~bit;
    }
    else if (sign == '-') {
        conf->remove |= bit;
        conf->add &= ~bit;
    }
    else { /* a bare keyword ends what was added and taken away so far, and what would be inherited */
        conf->options = (conf->absolute ? conf->options : 0) | bit;
        conf->add = conf->remove = 0;
        conf->absolute = true;
    }
}

static const char *set_options(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct autoindex_conf *conf = settings;
    const char            *error;

    for (unsigned i = 0; i < argc; i++) {
        pn_str word = argv[i];
        char   sign = word.n && (word.p[0] == '+' || word.p[0] == '-') ? word.p[0] : '\0';
        word = pn_str_from(word, sign != '\0');
        if (take_valued(cmd, conf, sign, word, &error)) {
            if (error)
                return error;
            continue;
        }
        if (pn_str_ieq(word, PN_STR("None"))) {
            if (sign)
                return "Cannot combine '+' or '-' with 'None' keyword";
            if (argc > 1 && i + 1 < argc)
                return "Cannot combine other IndexOptions keywords with 'None'";
            conf->options = conf->add = conf->remove = 0;
            conf->absolute = true;
            continue;
        }
        uint32_t bit = keyword_bit(word);
        if (!bit)
            return pn_conf_error_text(cmd, "Invalid directory indexing option '%.*s'", PN_FMT(argv[i]));
        set_bit(conf, sign, bit);
    }
    return NULL;
}

static const char *set_order(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct autoindex_conf *conf = settings;

    (void)cmd, (void)argc;
    if (pn_str_ieq(argv[0], PN_STR("Ascending")))
        conf->order = 'A';
    else if (pn_str_ieq(argv[0], PN_STR("Descending")))
        conf->order = 'D';
    else
        return "First keyword must be 'Ascending' or 'Descending'";
    if (pn_str_ieq(argv[1], PN_STR("Name")))
        conf->key = 'N';
    else if (pn_str_ieq(argv[1], PN_STR("Date")))
        conf->key = 'M';
    else if (pn_str_ieq(argv[1], PN_STR("Size")))
        conf->key = 'S';
    else if (pn_str_ieq(argv[1], PN_STR("Description")))
        conf->key = 'D';
    else
        return "Second keyword must be 'Name', 'Date', 'Size', or 'Description'";
    return NULL;
}

/* ---- rules ---- */

static void push(struct pn_conf_cmd *cmd, apr_array_header_t **list, struct autoindex_rule rule)
{
    if (!*list)
        *list = apr_array_make(cmd->pool, 4, sizeof(rule));
    *(struct autoindex_rule *)apr_array_push(*list) = rule;
}

static bool is_pattern(pn_str s)
{
    return pn_str_chr(s, '*', 0) != SIZE_MAX || pn_str_chr(s, '?', 0) != SIZE_MAX;
}

static enum autoindex_rule_kind kind_of(const struct pn_conf_cmd *cmd)
{
    if (strcasestr(cmd->row->name, "ByType"))
        return RULE_TYPE;
    return strcasestr(cmd->row->name, "ByEncoding") ? RULE_ENCODING : RULE_NAME;
}

/* A name without wildcards stands for all that end in it; with them it is about the whole path, as httpd has it. */
static struct autoindex_rule rule_of(struct pn_conf_cmd *cmd, pn_str what, pn_str text)
{
    struct autoindex_rule rule = { .kind = kind_of(cmd), .text = text, .pattern = pn_str_dup(cmd->pool, what) };

    if (rule.kind == RULE_NAME && !is_pattern(what))
        rule.pattern = PN_CAT(cmd->pool, PN_STR("*"), what);
    rule.whole_path = rule.kind == RULE_NAME;
    return rule;
}

static const char *need_two(struct pn_conf_cmd *cmd, unsigned argc)
{
    return argc < 2 ? pn_conf_error_text(cmd, "%s requires at least two arguments, %s", cmd->row->name, cmd->row->help) : NULL;
}

static const char *set_alt(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct autoindex_conf *conf = settings;
    pn_str                 text = pn_str_dup(cmd->pool, argv[0]);

    for (unsigned i = 1; i < argc; i++)
        push(cmd, &conf->alts, rule_of(cmd, argv[i], text));
    return need_two(cmd, argc);
}

/* An icon's URL, or "(alternate text,URL)". */
static const char *set_icon(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct autoindex_conf *conf = settings;
    pn_str                 url = argv[0], alt = { NULL, 0 };

    if (url.n && url.p[0] == '(') {
        if (url.p[url.n - 1] != ')')
            return "missing closing paren";
        alt = pn_str_dup(cmd->pool, pn_str_cut(pn_str_n(url.p + 1, url.n - 2), ',', &url));
    }
    url = pn_str_dup(cmd->pool, url);
    for (unsigned i = 1; i < argc; i++) {
        if (alt.p)
            push(cmd, &conf->alts, rule_of(cmd, argv[i], alt));
        push(cmd, &conf->icons, rule_of(cmd, argv[i], url));
    }
    return need_two(cmd, argc);
}

/* Descriptions belong to all names that hold the argument, anywhere. */
static const char *set_description(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct autoindex_conf *conf = settings;
    pn_str                 text = pn_str_dup(cmd->pool, argv[0]);

    for (unsigned i = 1; i < argc; i++) {
        struct autoindex_rule rule = { .kind = RULE_NAME, .text = text };
        rule.whole_path = pn_str_chr(argv[i], '/', 0) != SIZE_MAX;
        rule.pattern = PN_CAT(cmd->pool, rule.whole_path ? PN_STR("*/") : PN_STR("*"), argv[i], PN_STR("*"));
        push(cmd, &conf->descriptions, rule);
    }
    return need_two(cmd, argc);
}

static const char *set_ignored(struct pn_conf_cmd *cmd, void *settings, unsigned argc, const pn_str *argv)
{
    struct autoindex_conf *conf = settings;

    for (unsigned i = 0; i < argc; i++) {
        size_t slash = pn_str_rchr(argv[i], '/');
        pn_str name = slash == SIZE_MAX ? argv[i] : pn_str_from(argv[i], slash + 1);
        push(cmd, &conf->ignored, (struct autoindex_rule){ .pattern = pn_str_dup(cmd->pool, name) });
    }
    return NULL;
}

/* ---- rows ---- */

#define ROW(directive, arity, fn, text)                                                            \
    { .name = directive, .args = arity, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES, .set = fn, .help = text }
#define TEXT(directive, member, text)                                                              \
    { .name = directive, .args = PN_TAKE1, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES,        \
      .slot = PN_SLOT(struct autoindex_conf, member), .help = text }

const struct pn_directive pn__autoindex_directives[] = {
    ROW("IndexOptions", PN_LIST, set_options, "keywords that say how a listing looks, each with + or - or bare"),
    ROW("IndexOrderDefault", PN_TAKE2, set_order, "Ascending or Descending, and Name, Date, Size or Description"),
    ROW("AddIcon", PN_LIST, set_icon, "an icon's URL or (alternate text,URL), and names"),
    ROW("AddIconByType", PN_LIST, set_icon, "an icon's URL or (alternate text,URL), and media types"),
    ROW("AddIconByEncoding", PN_LIST, set_icon, "an icon's URL or (alternate text,URL), and content encodings"),
    ROW("AddAlt", PN_LIST, set_alt, "alternate text, and names"),
    ROW("AddAltByType", PN_LIST, set_alt, "alternate text, and media types"),
    ROW("AddAltByEncoding", PN_LIST, set_alt, "alternate text, and content encodings"),
    ROW("AddDescription", PN_LIST, set_description, "descriptive text, and names"),
    ROW("IndexIgnore", PN_LIST, set_ignored, "names that are not listed"),
    { .name = "IndexIgnoreReset", .args = PN_FLAG, .where = PN_CTX_ANY, .override = PN_OVR_INDEXES,
      .slot = PN_SLOT(struct autoindex_conf, ignore_reset), .dflt = "Off", .help = "whether IndexIgnore of outer places is forgotten" },
    TEXT("DefaultIcon", default_icon, "the URL of the icon of entries that no other is given"),
    TEXT("HeaderName", header, "the document shown above a listing"),
    TEXT("ReadmeName", readme, "the document shown below a listing"),
    TEXT("IndexStyleSheet", style_sheet, "the URL of a listing's style sheet"),
    TEXT("IndexHeadInsert", head_insert, "markup put into the head of a listing"),
    { 0 }
};

/* ---- merging: rules of the inner place come first ---- */

static apr_array_header_t *inner_first(apr_pool_t *pool, apr_array_header_t *outer, apr_array_header_t *inner)
{
    if (!outer || !inner)
        return inner ? inner : outer;
    return apr_array_append(pool, inner, outer);
}

static void merge_width(int32_t *to, bool *to_set, int32_t value, bool set)
{
    if (set) {
        *to = value;
        *to_set = true;
    }
}

static void merge_options(const struct autoindex_conf *inner, struct autoindex_conf *merged)
{
    if (inner->absolute) {
        merged->options = inner->options;
        merged->add = inner->add;
        merged->remove = inner->remove;
        merged->absolute = true;
        return;
    }
    merged->add = (merged->add & ~inner->remove) | inner->add;
    merged->remove = (merged->remove & ~inner->add) | inner->remove;
}

void pn__autoindex_merge(apr_pool_t *pool, const void *base, const void *add, void *merged_settings)
{
    const struct autoindex_conf *outer = base, *inner = add;
    struct autoindex_conf       *merged = merged_settings;

    merge_options(inner, merged);
    merge_width(&merged->name_width, &merged->name_width_set, inner->name_width, inner->name_width_set);
    merge_width(&merged->description_width, &merged->description_width_set, inner->description_width,
                inner->description_width_set);
    merge_width(&merged->icon_width, &merged->icon_width_set, inner->icon_width, inner->icon_width_set);
    merge_width(&merged->icon_height, &merged->icon_height_set, inner->icon_height, inner->icon_height_set);
    if (inner->key) {
        merged->key = inner->key;
        merged->order = inner->order;
    }
    if (inner->type.p)
        merged->type = inner->type;
    if (inner->charset.p)
        merged->charset = inner->charset;
    merged->icons = inner_first(pool, outer->icons, inner->icons);
    merged->alts = inner_first(pool, outer->alts, inner->alts);
    merged->descriptions = inner_first(pool, outer->descriptions, inner->descriptions);
    merged->ignore_reset = outer->ignore_reset || inner->ignore_reset;
    merged->ignored = inner->ignore_reset ? inner->ignored : inner_first(pool, outer->ignored, inner->ignored);
}

/* ---- matching ---- */

bool pn__autoindex_match(pn_str pattern, pn_str name)
{
    size_t p = 0, n = 0, star = SIZE_MAX, resume = 0;

    while (n < name.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            resume = n;
        }
        else if (p < pattern.n && (pattern.p[p] == '?' || pattern.p[p] == name.p[n])) {
            p++;
            n++;
        }
        else if (star != SIZE_MAX) { /* the last star takes one byte more */
            p = star + 1;
            n = ++resume;
        }
        else
            return false;
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

static bool applies(const struct autoindex_rule *rule, pn_str path, pn_str name, pn_str type, pn_str encoding)
{
    switch (rule->kind) {
    case RULE_NAME: return pn__autoindex_match(rule->pattern, rule->whole_path ? path : name);
    case RULE_TYPE: return type.n && pn__autoindex_match(rule->pattern, type);
    case RULE_ENCODING: return encoding.n && pn__autoindex_match(rule->pattern, encoding);
    }
    return false;
}

const pn_str *pn__autoindex_find(const apr_array_header_t *rules, pn_str path, pn_str name, pn_str type, pn_str encoding)
{
    for (int i = 0; rules && i < rules->nelts; i++) {
        const struct autoindex_rule *rule = &APR_ARRAY_IDX(rules, i, struct autoindex_rule);
        if (applies(rule, path, name, type, encoding))
            return &rule->text;
    }
    return NULL;
}
