/* include.c - Include and IncludeOptional: from the argument to the files, in httpd's order (by
 * bytes of the path's components, a directory's files where its name sorts).
 *
 * COMPAT: 2.4. Relative paths begin at ServerRoot; "." and ".." are resolved in the text of the
 * path. A directory means all files in it and below, hidden ones too; a wildcard matches no
 * leading dot. IncludeOptional forgives what does not exist, never what cannot be read. */
#include <errno.h>
#include <stdlib.h>

#include <apr_file_info.h>
#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "conf/reading.h"

struct include {
    struct pn_conf_reading *reading;
    struct pn__conf_source *source;
    bool                    optional;
};

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_directory(apr_pool_t *pool, const char *path)
{
    apr_finfo_t info;

    return apr_stat(&info, path, APR_FINFO_TYPE, pool) == APR_SUCCESS && info.filetype == APR_DIR;
}

static const char *below(apr_pool_t *pool, const char *dir, const char *name)
{
    size_t n = strlen(dir);

    return apr_pstrcat(pool, dir, n > 0 && dir[n - 1] == '/' ? "" : "/", name, NULL);
}

/* Names in a directory, sorted; all of them when pattern is NULL. */
static apr_status_t list(apr_pool_t *pool, const char *path, const char *pattern,
                         apr_array_header_t **ret_names)
{
    apr_array_header_t *names = apr_array_make(pool, 32, sizeof(const char *));
    apr_finfo_t         info;
    apr_dir_t          *dir;
    apr_status_t        status = apr_dir_open(&dir, path, pool);

    if (status)
        return status;
    while (apr_dir_read(&info, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (strcmp(info.name, ".") == 0 || strcmp(info.name, "..") == 0)
            continue;
        if (!pattern || apr_fnmatch(pattern, info.name, APR_FNM_PERIOD) == APR_SUCCESS)
            *(const char **)apr_array_push(names) = apr_pstrdup(pool, info.name);
    }
    apr_dir_close(dir);
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), by_bytes);
    *ret_names = names;
    return APR_SUCCESS;
}

static pn_rc fail_open(const struct include *include, const char *path, apr_status_t status)
{
    char buf[128];

    apr_strerror(status, buf, sizeof(buf));
    return pn__conf_fail(include->reading, &include->source->at, NULL,
                         "The directory %s cannot be opened: %s.", path, buf);
}

static pn_rc include_path(const struct include *include, const char *path, unsigned level);

/* A directory that links to its own parent is endless: `level` ends it. */
static pn_rc include_directory(const struct include *include, const char *path, unsigned level)
{
    struct pn_conf_reading *reading = include->reading;
    apr_pool_t             *pool = reading->reader->pool;
    unsigned                max = pn__conf_max_depth(reading->reader);
    apr_array_header_t     *names;
    apr_status_t            status;

    if (level > max)
        return pn__conf_fail(
            reading, &include->source->at, "Does a symbolic link lead to a directory above it?",
            "Directories are nested more than %u deep below the one to include.", max);
    status = list(pool, path, NULL, &names);
    if (status)
        return fail_open(include, path, status);
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *);
        pn_rc       rc = include_path(include, below(pool, path, name), level + 1);

        if (rc != PN_OK)
            return rc;
    }
    return PN_OK;
}

static pn_rc include_path(const struct include *include, const char *path, unsigned level)
{
    struct pn_conf_reading *reading = include->reading;
    pn_rc                   rc;

    if (is_directory(reading->reader->pool, path))
        return include_directory(include, path, level);
    rc = pn__conf_read_path(reading, &include->source->at, path, include->optional,
                            include->source->parent);
    return rc == PN_NOT_FOUND ? PN_OK : rc;
}

static pn_rc include_pattern(const struct include *include, const char *dir, char *rest);

/* One component with a wildcard: what it matches in dir, each followed by the rest of the path. */
static pn_rc include_matches(const struct include *include, const char *dir, const char *wildcard,
                             char *rest)
{
    apr_pool_t         *pool = include->reading->reader->pool;
    apr_array_header_t *names;
    apr_status_t        status = list(pool, dir, wildcard, &names);
    size_t              matched = 0;

    if (status && include->optional && APR_STATUS_IS_ENOENT(status))
        return PN_OK;
    if (status)
        return fail_open(include, dir, status);
    for (int i = 0; i < names->nelts; i++) {
        const char *path = below(pool, dir, APR_ARRAY_IDX(names, i, const char *));
        pn_rc       rc;

        if (rest && !is_directory(pool, path))
            continue;
        matched++;
        rc = rest ? include_pattern(include, path, apr_pstrdup(pool, rest))
                  : include_path(include, path, 1);
        if (rc != PN_OK)
            return rc;
    }
    if (matched > 0 || include->optional)
        return PN_OK;
    return pn__conf_fail(include->reading, &include->source->at,
                         "IncludeOptional accepts that there is none.",
                         "Nothing in %s matches '%s'.", dir, wildcard);
}

/* Walks the components of `rest` down to the first with a wildcard. */
static pn_rc include_pattern(const struct include *include, const char *dir, char *rest)
{
    apr_pool_t *pool = include->reading->reader->pool;

    while (rest) {
        char *component = rest;
        char *slash = strchr(rest, '/');

        if (slash)
            *slash = '\0';
        rest = slash ? slash + 1 : NULL;
        if (apr_fnmatch_test(component))
            return include_matches(include, dir, component, rest);
        dir = below(pool, dir, component);
    }
    return include_path(include, dir, 1);
}

static pn_rc run(struct pn_conf_reading *reading, struct pn__conf_source *source, pn_str args,
                 bool optional)
{
    struct pn_conf_reader *reader = reading->reader;
    struct include         include = { .reading = reading, .source = source, .optional = optional };
    pn_str                 name = pn_conf_word(reader->pool, &args);
    char                  *path;

    if (name.n == 0 || args.n > 0)
        return pn__conf_fail(reading, &source->at,
                             "Write one Include a path; put a path that holds spaces in quotes.",
                             "%s takes one path.", optional ? "IncludeOptional" : "Include");
    if (apr_filepath_merge(&path, reader->server_root, name.p, APR_FILEPATH_TRUENAME, reader->pool))
        return pn__conf_fail(reading, &source->at, NULL, "The path '%s' is not valid.", name.p);
    if (!apr_fnmatch_test(path))
        return include_path(&include, path, 1);
    if (path[0] == '/')
        return include_pattern(&include, "/", path + 1);
    return include_pattern(&include, ".", path);
}

pn_rc pn__conf_include(struct pn_conf_reading *reading, struct pn__conf_source *source, pn_str args)
{
    return run(reading, source, args, false);
}

pn_rc pn__conf_include_optional(struct pn_conf_reading *reading, struct pn__conf_source *source,
                                pn_str args)
{
    return run(reading, source, args, true);
}
