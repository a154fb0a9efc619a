/* mod_autoindex.h - what the files of mod_autoindex share: settings, the client's wishes, the listing, the page.
 *
 * A listing is made in steps: names are read and judged off the loop (mod_autoindex_read.c), each is looked up as a
 * request of its own would be (mod_autoindex_entry.c), they are sorted (mod_autoindex_order.c), and rows become HTML
 * when the body is pulled (mod_autoindex_page.c and its row writers). */
#ifndef PN_MOD_AUTOINDEX_H
#define PN_MOD_AUTOINDEX_H

#define PN_LOG_MODULE &pn_module_autoindex
#include <pinion/log.h>
#include <pinion/request.h>

extern struct pn_module pn_module_autoindex;

/* ---- settings ---- */

/** IndexOptions keywords without a value, a bit each. */
enum autoindex_option {
    INDEX_FANCY = 1 << 0,
    INDEX_TABLE = 1 << 1,
    INDEX_XHTML = 1 << 2,
    INDEX_MODERN = 1 << 3,
    INDEX_FOLDERS_FIRST = 1 << 4,
    INDEX_IGNORE_CASE = 1 << 5,
    INDEX_VERSION_SORT = 1 << 6,
    INDEX_IGNORE_CLIENT = 1 << 7,
    INDEX_SHOW_FORBIDDEN = 1 << 8,
    INDEX_SCAN_TITLES = 1 << 9,
    INDEX_TRACK_MODIFIED = 1 << 10,
    INDEX_OLD_DATE = 1 << 11,
    INDEX_ICONS_ARE_LINKS = 1 << 12,
    INDEX_ALT_CLASS = 1 << 13,
    INDEX_NO_SORT_LINKS = 1 << 14,
    INDEX_NO_DESCRIPTION = 1 << 15,
    INDEX_NO_PREAMBLE = 1 << 16,
    INDEX_NO_ICON = 1 << 17,
    INDEX_NO_DATE = 1 << 18,
    INDEX_NO_RULES = 1 << 19,
    INDEX_NO_SIZE = 1 << 20
};

enum autoindex_rule_kind { RULE_NAME, RULE_TYPE, RULE_ENCODING };

/** AddIcon*, AddAlt*, AddDescription, IndexIgnore: what applies to which entries. */
struct autoindex_rule {
    enum autoindex_rule_kind kind;
    pn_str                   pattern;    /* with * and ? */
    bool                     whole_path; /* of the file's path, not of its name alone */
    pn_str                   text;       /* icon's URL, alternate text, description */
};

/** A width: 0 is the default, AUTOINDEX_WIDEST as wide as the longest. */
#define AUTOINDEX_WIDEST (-1)

struct autoindex_conf {
    uint32_t options;            /* in force, when `absolute`; else nothing */
    uint32_t add, remove;        /* relative to the outer place */
    bool     absolute;
    int32_t  name_width, description_width, icon_width, icon_height; /* icons: pixels, 0: not told */
    bool     name_width_set, description_width_set, icon_width_set, icon_height_set;
    char     key, order;         /* IndexOrderDefault: N M S D and A D; 0: not set */
    bool     ignore_reset;       /* IndexIgnoreReset */
    apr_array_header_t *icons, *alts, *descriptions, *ignored; /* of struct autoindex_rule; may be NULL */
    pn_str   default_icon, style_sheet, head_insert, header, readme, type, charset; /* p == NULL: not set */
};

/** Settings in force as IndexOptions has them. */
static inline uint32_t autoindex_options(const struct autoindex_conf *conf)
{
    return (conf->options | conf->add) & ~conf->remove;
}

extern const struct pn_directive pn__autoindex_directives[];
void pn__autoindex_merge(apr_pool_t *pool, const void *base, const void *add, void *merged);

/** Does `name` match a pattern with * (any run) and ? (any byte)? Linear in the lengths but for the last star. */
bool pn__autoindex_match(pn_str pattern, pn_str name);
/** The text of the first rule for an entry, or NULL. @param path of the file, `name` its last component.
 *  @param type, encoding of its content; empty when not known. */
const pn_str *pn__autoindex_find(const apr_array_header_t *rules, pn_str path, pn_str name, pn_str type, pn_str encoding);

/* ---- what the client wants: the query ---- */

struct autoindex_view {
    uint32_t options;
    char     key, order;   /* N M S D, A D */
    pn_str   pattern;      /* P=; empty: all */
    pn_str   carried;      /* what links to other orders keep: ";F=2;V=1;P=*" or empty; ready for an attribute */
};

/** Reads "C=S;O=D;F=2;V=1;P=*.txt"; stops at the first thing that is none of these. */
void pn__autoindex_view(struct pn_request *r, const struct autoindex_conf *conf, struct autoindex_view *ret_view);

/* ---- the listing ---- */

struct autoindex_entry {
    char         *name;      /* of the listing; NUL-terminated, a directory's with a slash at the end */
    uint32_t      name_n;    /* without the slash */
    bool          is_directory, is_parent;
    bool          is_alike;  /* the same for whoever asks: a plain file */
    uint8_t       hint;      /* enum pn_file_type as the directory tells it, links not followed; NONE: it does not */
    int64_t       size;      /* bytes, -1: none */
    pn_wall       mtime;     /* -1: not shown */
    const pn_str *icon, *alt, *description; /* NULL: none */
    pn_str       *row;       /* of a kept entry: its line on the page, p == NULL until it was written once; else NULL */
};

struct autoindex_listing {
    struct autoindex_entry *v;    /* malloc'd */
    size_t                  n, room;
    struct autoindex_block *blocks; /* malloc'd memory of names */
    int                     fd;   /* of the directory; -1: not open yet */
    const char             *path; /* of the directory */
    struct autoindex_kept  *kept; /* of which entries come; NULL: none */
    struct autoindex_kept  *keeper; /* is told of entries that can't be kept; NULL: nothing is kept */
};

/** Reads the names that IndexIgnore and the client's pattern leave. The listing is freed with r->pool.
 *  @return PN_OK; PN_SYSTEM with the errno of the opening in *ret_error; why the wait ended. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn__autoindex_read(struct pn_request *r, const struct autoindex_conf *conf,
                                                   const struct autoindex_view *view, struct autoindex_listing **ret, int *ret_error);
/** Drops entries that a client would not get and completes the others: size, date, icon, alternate text, description. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn__autoindex_look_up(struct pn_request *r, const struct autoindex_conf *conf,
                                                      const struct autoindex_view *view, struct autoindex_listing *listing);
/** Sorts, off the loop when there are many. */
PN_MAY_YIELD PN_NODISCARD pn_rc pn__autoindex_sort(struct pn_request *r, const struct autoindex_view *view,
                                                   struct autoindex_listing *listing);
/** Adds a name. */
void pn__autoindex_append(struct autoindex_listing *listing, pn_str name, enum pn_file_type hint);
/** Adds "..", when it is to be shown. */
void pn__autoindex_add_parent(struct pn_request *r, const struct autoindex_conf *conf, struct autoindex_listing *listing);
/** An empty listing, freed with r->pool. */
struct autoindex_listing *pn__autoindex_listing_new(struct pn_request *r);
/** The order of the view: negative, 0 or positive. */
int pn__autoindex_compare(const struct autoindex_view *view, const struct autoindex_entry *a, const struct autoindex_entry *b);

/* ---- what is kept from one request to the next ---- */

struct autoindex_kept;
struct autoindex_page;
/** Begins to gather what may be kept, before the directory is read. NULL: nothing may. */
struct autoindex_kept *pn__autoindex_kept_begin(struct pn_request *r, const struct autoindex_view *view);
/** A name that each request has to look up. Accepts NULL for kept. */
void pn__autoindex_kept_other(struct autoindex_kept *kept, pn_str name, uint8_t hint);
/** Keeps the entries of a complete and sorted listing; `kept` is handed over. */
void pn__autoindex_kept_end(struct pn_request *r, struct autoindex_kept *kept, struct autoindex_listing *listing);
/** The request failed before that. Accepts NULL. */
void pn__autoindex_kept_drop(struct autoindex_kept *kept);
/** What was kept for this view; NULL: nothing. Lives as long as r. */
struct autoindex_kept *pn__autoindex_kept_find(struct pn_request *r, const struct autoindex_view *view);
/** Adds the names that have to be looked up. */
void pn__autoindex_kept_others(const struct autoindex_kept *kept, struct autoindex_listing *listing);
/** Puts the kept entries among those of the listing, which are in order. */
void pn__autoindex_kept_merge(const struct autoindex_kept *kept, const struct autoindex_view *view, struct autoindex_listing *listing);
/** Are the kept lines those of this page? */
bool pn__autoindex_kept_rows(struct autoindex_page *page);
/** Writes the line of a kept entry. */
void pn__autoindex_kept_row(struct autoindex_page *page, const struct autoindex_entry *entry);

/** What stat says, as requests have it. */
struct pn_finfo pn__autoindex_info(const struct stat *st);
/** The text of <title> of the HTML file `name` below the directory `fd`; malloc'd, NULL: none. Blocks. */
char *pn__autoindex_title(int fd, const char *name);

/* ---- the page ---- */

struct autoindex_page;
struct autoindex_writer {
    void (*open)(struct autoindex_page *page);  /* what precedes HeaderName's text */
    void (*head)(struct autoindex_page *page);  /* up to the first row */
    void (*row)(struct autoindex_page *page, const struct autoindex_entry *entry);
    void (*foot)(struct autoindex_page *page);  /* behind the last row */
    void (*close)(struct autoindex_page *page); /* what follows ReadmeName's text */
};

struct autoindex_page {
    struct pn_body                 super;
    struct pn_request             *r;
    const struct autoindex_conf   *conf;
    struct autoindex_view          view;
    struct autoindex_listing      *listing;
    const struct autoindex_writer *writer;
    struct pn_buf                  out;        /* what the current pull yields */
    apr_pool_t                    *scratch;    /* of one pull */
    size_t                         at;         /* next row */
    unsigned                       row_number; /* for even and odd */
    size_t                         name_width, description_width;
    unsigned                       columns;
    bool                           has_preamble, has_title, has_tail; /* of the document, are they ours to write? */
    bool                           opened, closed_later; /* beginning, end of the document are apart from this body */
    bool                           begun, done;
    bool                           kept_rows; /* kept entries have their lines */
    int64_t                        date_minute; /* what `date` is the text of */
    size_t                         date_n;
    char                           date[32];
};

/** Answers with the page: text of HeaderName, listing, text of ReadmeName. */
PN_MAY_YIELD enum pn_verdict pn__autoindex_answer(struct pn_request *r, const struct autoindex_conf *conf,
                                                  const struct autoindex_view *view, struct autoindex_listing *listing);

extern const struct autoindex_writer pn__autoindex_plain, pn__autoindex_lines, pn__autoindex_table, pn__autoindex_modern;

/** Text of HeaderName or ReadmeName; NULL when there is none to show. @param ret_html it is HTML, which may bring its own
 *  preamble. */
PN_MAY_YIELD struct pn_body *pn__autoindex_text(struct pn_request *r, pn_str name, bool *ret_html);

/** Beginning and end of the document of the classic forms. */
void pn__autoindex_open(struct autoindex_page *page);
void pn__autoindex_close(struct autoindex_page *page);

/* ---- pieces of HTML ---- */

static inline bool page_is(const struct autoindex_page *page, uint32_t option)
{
    return (page->view.options & option) != 0;
}
/** Text with &, <, > and " as references. */
void pn__autoindex_put_text(struct pn_buf *out, pn_str text);
/** The same with quotes as they are: not for attributes. */
void pn__autoindex_put_lines(struct pn_buf *out, pn_str text);
/** A relative reference to the entry, for an attribute. */
void pn__autoindex_put_href(struct autoindex_page *page, const struct autoindex_entry *entry);
/** A reference to a path of this server, for an attribute. */
void pn__autoindex_put_path(struct autoindex_page *page, pn_str path);
void pn__autoindex_put_pad(struct pn_buf *out, size_t n);
/** The query of a link that sorts by `key`; turns the order around when it is the current one. */
void pn__autoindex_put_sort_query(struct autoindex_page *page, char key);
/** What stands for the entry on the page: name, with a slash behind a directory's. Borrowed. */
pn_str pn__autoindex_label(struct autoindex_page *page, const struct autoindex_entry *entry);
/** "2024-01-02 03:04", or empty. Valid until the next call. */
pn_str pn__autoindex_date(struct autoindex_page *page, pn_wall mtime);
/** A prefix of `text` of at most `n` bytes that ends no UTF-8 character in its middle. */
pn_str pn__autoindex_prefix(pn_str text, size_t n);
/** Path of the directory above r's, with a slash at the end. */
pn_str pn__autoindex_parent(const struct pn_request *r);

#endif
