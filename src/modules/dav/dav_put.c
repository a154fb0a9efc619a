/* dav_put.c - PUT: a file's content is replaced as a whole, or a part of it (RFC 9110 s9.3.4, s14.5).
 *
 * The body goes to a file beside the target, which takes its place when it is complete: readers see the old content or the new one,
 * and what breaks off leaves nothing behind. */
#define PN_LOG_MODULE &pn_module_dav
#include "dav.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pinion/log.h>

#include "dav_check.h"
#include "dav_tree.h"

#define GATHER_BYTES ((size_t)256 << 10) /* so much is written by one job */

struct writing {
    pn_str        file, temp;
    bool          replaces;
    bool          partial;
    uint64_t      offset;  /* where a part begins */
    uint64_t      length;  /* of the part, bytes */
    int           fd;
    struct pn_buf gathered;
    uint64_t      written;
    int           error;
};

static apr_status_t abandon(void *data)
{
    struct writing *job = data;

    if (job->fd >= 0) {
        close(job->fd);
        unlink(job->temp.p);
    }
    pn_buf_release(&job->gathered);
    return APR_SUCCESS;
}

/* ---- jobs ---- */

/* The old content, into which the part is written. */
static int copy_old(struct writing *job)
{
    int from = open(job->file.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), error;

    if (from < 0)
        return errno;
    error = dav_tree_copy_bytes(from, job->fd);
    close(from);
    return error == 0 && lseek(job->fd, (off_t)job->offset, SEEK_SET) < 0 ? errno : error;
}

static void begin_file(void *arg)
{
    struct writing *job = arg;
    struct stat     st;

    job->fd = open(job->temp.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (job->fd < 0 || (job->replaces && stat(job->file.p, &st) == 0 && fchmod(job->fd, st.st_mode & 0777) != 0))
        job->error = errno;
    else if (job->partial)
        job->error = copy_old(job);
}

static void write_gathered(void *arg)
{
    struct writing *job = arg;
    const char     *p = job->gathered.p;
    size_t          n = job->gathered.n;

    while (n && !job->error) {
        ssize_t wrote = write(job->fd, p, n);
        if (wrote < 0 && errno != EINTR)
            job->error = errno;
        if (wrote > 0) {
            p += wrote;
            n -= (size_t)wrote;
        }
    }
    job->written += job->gathered.n;
    pn_buf_clear(&job->gathered);
}

static void finish_file(void *arg)
{
    struct writing *job = arg;

    if (close(job->fd) != 0 || rename(job->temp.p, job->file.p) != 0)
        job->error = errno;
    if (job->error)
        unlink(job->temp.p);
    job->fd = -1;
}

PN_MAY_YIELD static int run(struct pn_request *r, struct writing *job, void (*fn)(void *arg))
{
    if (pn_run_blocking(r, fn, job) != PN_OK)
        return 503;
    if (!job->error)
        return 0;
    int status = dav_status_of_errno(job->error);
    PN_LOG_R(r, status == 409 ? PN_LOG_INFO : PN_LOG_ERR, 21465, job->error, "%s cannot be written", job->file.p);
    return status;
}

/* ---- the body ---- */

static int body_status(const struct pn_request *r, pn_rc rc)
{
    return rc == PN_FAILED ? pn_request_body_status(r) : rc == PN_TIMEOUT ? 408 : 400;
}

PN_MAY_YIELD static int take_body(struct pn_request *r, struct writing *job)
{
    struct pn_body *body = pn_body_in_memory(r, pn_request_body(r));
    struct pn_chunk chunk;
    int             status = 0;
    pn_rc           rc;

    for (;;) {
        chunk = (struct pn_chunk){ .fd = -1 };
        rc = pn_body_next(body, &chunk);
        if (rc != PN_OK)
            break;
        pn_buf_str(&job->gathered, chunk.bytes);
        if (job->gathered.full)
            return 413;
        if (job->gathered.n >= GATHER_BYTES && (status = run(r, job, write_gathered)))
            return status;
        if (chunk.last)
            break;
    }
    if (rc != PN_OK && rc != PN_EOF) {
        PN_LOG_R(r, PN_LOG_INFO, 21466, 0, "The content of %s did not come whole", job->file.p);
        return body_status(r, rc);
    }
    status = run(r, job, write_gathered);
    return status == 0 && job->partial && job->written != job->length ? 400 : status;
}

PN_MAY_YIELD static int put_content(struct pn_request *r, const struct dav_resource *what, struct writing *job)
{
    int status;

    job->fd = -1;
    job->file = what->file;
    job->replaces = what->exists;
    job->temp = dav_temp_name(r->pool, what->file);
    pn_buf_init(&job->gathered, NULL, GATHER_BYTES + ((size_t)1 << 20));
    apr_pool_cleanup_register(r->pool, job, abandon, apr_pool_cleanup_null);
    status = run(r, job, begin_file);
    if (status == 0)
        status = take_body(r, job);
    if (status == 0)
        status = run(r, job, finish_file);
    apr_pool_cleanup_run(r->pool, job, abandon);
    return status;
}

/* "bytes 0-99/1000", "bytes 0-99" + "/" + "*". @return false: no such range. */
static bool parse_range(pn_str value, struct writing *job)
{
    pn_str   total, last, first;
    uint64_t from, to, all;

    value = pn_str_trim(value);
    if (!pn_str_istarts(value, PN_STR("bytes ")))
        return false;
    first = pn_str_cut(pn_str_trim(pn_str_cut(pn_str_from(value, 6), '/', &total)), '-', &last);
    if (!total.p || !last.p || pn_str_to_u64(first, INT64_MAX, &from) != PN_OK || pn_str_to_u64(last, INT64_MAX - 1, &to) != PN_OK || to < from)
        return false;
    if (!pn_str_eq(total, PN_STR("*")) && (pn_str_to_u64(total, INT64_MAX, &all) != PN_OK || to >= all))
        return false;
    job->partial = true;
    job->offset = from;
    job->length = to - from + 1;
    return true;
}

/* A part may replace bytes that are there, or follow on them: a hole would be content that nobody sent. */
static int check_range(struct pn_request *r, const struct dav_resource *what, struct writing *job)
{
    pn_str value = pn_headers_get(&r->in, PN_HDR_CONTENT_RANGE);

    if (!value.p)
        return 0;
    if (!parse_range(value, job) || !what->exists || job->offset > what->info.size)
        return 400; /* RFC 9110 s14.5 */
    return 0;
}

enum pn_verdict dav_put(struct pn_request *r)
{
    struct dav_resource what;
    struct dav_check    check;
    struct writing     *job = apr_pcalloc(r->pool, sizeof(*job));
    int                 status = dav_resource_of(r, &what);

    if (status == 0 && what.collection)
        status = 409;
    if (status)
        return pn_reject_quietly(r, status);
    status = dav_check(r, &(struct dav_target){ .what = &what, .parent = !what.exists }, 1, &check);
    dav_pool_end(r, check.pool);
    if (status == 0)
        status = check_range(r, &what, job);
    if (status == 0)
        status = put_content(r, &what, job);
    return status ? pn_reject_quietly(r, status) : dav_created(r, &what, what.exists);
}
