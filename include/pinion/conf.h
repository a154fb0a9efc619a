/* pinion/conf.h - directives as data: rows with name, arity, contexts, override class, slot, default and help.
 *
 * From the rows come the parsing of arguments, the checks of context, -L, the reference pages and the hints of
 * error messages. A settings struct is made of slots; whether a slot was set is kept in set-bits beside it, so no
 * value stands for "unset". Merging copies the slots that the inner place has set (or appends lists). */
#ifndef PINION_CONF_H
#define PINION_CONF_H

#include <apr_hash.h>
#include <apr_tables.h>
#include <pinion/str.h>

struct pn_module;
struct pn_server;
struct pn_generation;
struct pn_conf_node;
struct pn_conf_vec;
struct pn_conf_state;
struct pn_regex;

/** How many arguments a directive takes. */
enum pn_args {
    PN_NO_ARGS = 1,
    PN_FLAG,     /* On or Off */
    PN_TAKE1,
    PN_TAKE2,
    PN_TAKE3,
    PN_TAKE12,
    PN_TAKE13,
    PN_TAKE23,
    PN_TAKE123,
    PN_LIST,     /* one or more; .set is called once with all of them */
    PN_LIST0,    /* none or more, likewise */
    PN_RAW,      /* the rest of the line as it stands: argv[0] */
    PN_SECTION   /* <Name raw> ... </Name>: argv[0] is the raw text; .set walks the children itself */
};

/** Where a directive may stand. */
enum pn_context {
    PN_CTX_MAIN = 1,       /* server config, outside every section */
    PN_CTX_VHOST = 2,      /* <VirtualHost> */
    PN_CTX_DIRECTORY = 4,  /* <Directory> <DirectoryMatch> <Proxy>-like sections */
    PN_CTX_LOCATION = 8,   /* <Location> <LocationMatch> */
    PN_CTX_FILES = 16,     /* <Files> <FilesMatch> */
    PN_CTX_IF = 32,        /* <If> <ElseIf> <Else> */
    PN_CTX_HTACCESS = 64,  /* .htaccess, as the override class admits */
    PN_CTX_LIMIT = 128,    /* inside <Limit> or <LimitExcept>; set in cmd->context beside the outer one */
    PN_CTX_SERVER = PN_CTX_MAIN | PN_CTX_VHOST,
    PN_CTX_SECTIONS = PN_CTX_DIRECTORY | PN_CTX_LOCATION | PN_CTX_FILES | PN_CTX_IF,
    PN_CTX_ANY = PN_CTX_SERVER | PN_CTX_SECTIONS | PN_CTX_HTACCESS,
    PN_CTX_DIR = PN_CTX_SECTIONS | PN_CTX_HTACCESS /* not at server level */
};

/** The AllowOverride classes. */
enum pn_override {
    PN_OVR_NONE = 0,
    PN_OVR_AUTHCONFIG = 1,
    PN_OVR_FILEINFO = 2,
    PN_OVR_INDEXES = 4,
    PN_OVR_LIMIT = 8,
    PN_OVR_OPTIONS = 16,
    PN_OVR_ALL = 31,
    PN_OVR_NONFATAL_OVERRIDE = 32, /* AllowOverride Nonfatal=Override|Unknown|All */
    PN_OVR_NONFATAL_UNKNOWN = 64
};

/** Which of a module's two settings structs a row fills. Default: dir when the row may stand in a section. */
enum pn_conf_scope { PN_SCOPE_AUTO = 0, PN_SCOPE_DIR, PN_SCOPE_SERVER };

enum pn_slot_type {
    PN_SLOT_NONE = 0,
    PN_SLOT_BOOL,     /* bool */
    PN_SLOT_INT,      /* int64_t; .min and .max of the row bound it when they differ */
    PN_SLOT_STR,      /* pn_str, NUL-terminated */
    PN_SLOT_USEC,     /* pn_usec; accepts ms, s, min, h; a bare number counts in .unit ("s" or "ms") */
    PN_SLOT_PATH,     /* pn_str: made absolute with ServerRoot */
    PN_SLOT_ENUM,     /* int; .choices lists the words, stored is the position */
    PN_SLOT_STRLIST   /* apr_array_header_t * of pn_str; grows with each line of the same place, and starts anew in
                       * an inner place (.merge says what becomes of the outer one's) */
};

struct pn_slot {
    enum pn_slot_type type;
    size_t            offset;
};

/** Type by _Generic of the member: bool, int64_t, pn_str, apr_array_header_t *. */
#define PN_SLOT(type, member)                                                                      \
    { _Generic(((type *)0)->member, bool: PN_SLOT_BOOL, int64_t: PN_SLOT_INT, pn_str: PN_SLOT_STR, \
               apr_array_header_t *: PN_SLOT_STRLIST),                                             \
      offsetof(type, member) }
#define PN_SLOT_AS(kind, type, member) { kind, offsetof(type, member) }

enum pn_merge { PN_MERGE_REPLACE = 0, PN_MERGE_APPEND };

/** What a directive's function is told. Valid during the call. */
struct pn_conf_cmd {
    apr_pool_t                *pool;    /* lives as long as the settings being filled */
    apr_pool_t                *temp;    /* cleared when the whole configuration is read */
    struct pn_generation      *generation;
    struct pn_server          *server;  /* whose settings; the main server outside <VirtualHost> */
    const struct pn_directive *row;
    struct pn_conf_node       *node;    /* file, line, children */
    struct pn_module          *module;
    unsigned                   context; /* PN_CTX_* of the place */
    unsigned                   override;/* PN_OVR_* in force, for .htaccess */
    uint64_t                   limited; /* methods of the enclosing <Limit>, a bit each (1 << enum pn_method); 0: none */
    pn_str                     path;    /* of the enclosing Directory/Location/Files section or .htaccess directory */
    bool                       is_regex;/* that section matches by regex */
    struct pn_conf_vec        *vec;     /* the per-directory settings being filled */
    void                      *data;    /* for sections that walk children: handed on to them */
    const char                *cure;    /* may be set beside an error: what would be right */
    uint64_t                   override_options; /* what AllowOverride Options= admits, for .htaccess */
    struct pn_conf_state      *state;   /* conf's own */
};

/** Sets one directive. `conf` is the module's struct of the row's scope with its defaults, NULL when it has none. The words
 *  of argv are NUL-terminated, unquoted, and live as long as cmd->pool; the row is marked as set after success.
 *  @return NULL, or the error as a sentence (owned by cmd->pool or static). An error of pn_conf_apply_children is
 *  returned as it came: it keeps the place of the inner line. */
typedef const char *pn_directive_fn(struct pn_conf_cmd *cmd, void *conf, unsigned argc, const pn_str *argv);

struct pn_directive {
    const char          *name;
    enum pn_args         args;
    unsigned             where;    /* PN_CTX_* */
    unsigned             override; /* PN_OVR_*: any of these admits it in .htaccess */
    enum pn_conf_scope   scope;
    struct pn_slot       slot;
    pn_directive_fn     *set;      /* when a slot cannot express it; runs instead of the slot */
    enum pn_merge        merge;    /* of the slot */
    const char          *dflt;     /* default as it would be written; NULL: zero */
    const char          *unit;     /* "s", "ms", "bytes" ...: shown, and the base of PN_SLOT_USEC */
    int64_t              min, max; /* of PN_SLOT_INT */
    const char *const   *choices;  /* of PN_SLOT_ENUM, NULL-terminated */
    const char          *help;     /* one line */
    const char          *gone;     /* accepted, has no effect any more: the line that says what takes its place
                                    * (logged once as a warning); such a row has no slot and no set */
};

/* ---- for directive functions ---- */

/** Fills the children of a section node into `vec` (and server settings) under the given context bits.
 *  @return NULL or the error. */
const char *pn_conf_apply_children(struct pn_conf_cmd *cmd, struct pn_conf_vec *vec, unsigned context,
                                   pn_str path, bool is_regex);
/** An error with a formatted text, owned by cmd->pool. */
PN_PRINTF(2, 3) const char *pn_conf_error_text(struct pn_conf_cmd *cmd, const char *fmt, ...);
/** Next argument of *rest as a directive's line is split: white space separates, "..." and '...' hold it together. Advances
 *  *rest. @return NUL-terminated, owned by the pool; p == NULL at the end. */
pn_str pn_conf_word(apr_pool_t *pool, pn_str *rest);
/** The module's settings of cmd->server, made with their defaults when they are not there yet: for rows of per-directory scope that
 *  fill a server's settings too. */
void *pn_conf_server_settings(struct pn_conf_cmd *cmd, const struct pn_module *module);
/** Where the directive stands, for a message that comes later: "httpd.conf:12"; NUL-terminated, owned by cmd->pool. */
pn_str pn_conf_where(struct pn_conf_cmd *cmd);
/** A path made absolute with ServerRoot; NUL-terminated, owned by cmd->pool. */
pn_str pn_conf_path(struct pn_conf_cmd *cmd, pn_str path);
/** "5", "5s", "200ms", "2min", "1h". PN_BAD otherwise. @param unit of a bare number. */
PN_NODISCARD pn_rc pn_conf_duration(pn_str text, const char *unit, pn_usec *ret);
/** On, Off. */
PN_NODISCARD pn_rc pn_conf_flag(pn_str text, bool *ret);
/** Has this row of conf been set here (not by a default or an outer place)? `conf` as handed to the module. */
bool pn_conf_is_set(const void *conf, const struct pn_module *module, const char *directive);
void pn_conf_mark_set(void *conf, const struct pn_module *module, const char *directive);
/** File of cmd's directive, alive as long as the settings being filled, and its line. */
const char *pn_conf_place(struct pn_conf_cmd *cmd, uint32_t *ret_line);
/** A warning with the place of cmd, shown at start and by -t. */
PN_PRINTF(2, 3) void pn_conf_warn(struct pn_conf_cmd *cmd, const char *fmt, ...);

#endif
