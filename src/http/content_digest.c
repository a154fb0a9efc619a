/* content_digest.c - Content-MD5 of static files. MD5 and base64 are APR's. Apache manual: ContentDigest. */
#include "http/content_digest.h"

#include <apr_base64.h>
#include <apr_md5.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "rt/offload.h"

#define READ_BYTES (64 * 1024)

struct digest_job {
    const struct pn_file *file;
    unsigned char         sum[APR_MD5_DIGESTSIZE];
    bool                  done;
};

static void digest_file(void *arg)
{
    struct digest_job *job = arg;
    apr_md5_ctx_t      md5;
    char              *bytes = malloc(READ_BYTES);
    uint64_t           at = 0;
    ssize_t            n = 0;

    if (!bytes)
        return;
    apr_md5_init(&md5);
    while (at < job->file->info.size && (n = pread(job->file->fd, bytes, READ_BYTES, (off_t)at)) != 0) {
        if (n < 0 && errno != EINTR)
            break;
        if (n > 0) {
            apr_md5_update(&md5, bytes, (apr_size_t)n);
            at += (uint64_t)n;
        }
    }
    free(bytes);
    apr_md5_final(job->sum, &md5);
    job->done = at == job->file->info.size;
}

void pn__content_digest(struct pn_request *r, const struct pn_file *file)
{
    struct digest_job job = { .file = file };

    if (file->bytes.p) {
        apr_md5(job.sum, file->bytes.p, file->bytes.n);
        job.done = true;
    }
    else if (pn_offload(digest_file, &job) != PN_OK)
        return;
    if (!job.done)
        return;
    char *text = apr_palloc(r->pool, (apr_size_t)apr_base64_encode_len(sizeof(job.sum)));
    apr_base64_encode_binary(text, job.sum, sizeof(job.sum));
    pn_headers_set(&r->out, PN_HDR_CONTENT_MD5, pn_str_z(text));
}
