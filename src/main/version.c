/* version.c - what -v, -V, -l and -L print, in the form of httpd's: scripts and certbot take it apart. */
#include <apr_version.h>
#include <apu_version.h>
#include <stdio.h>

#include "conf/listing.h"
#include "http/version.h"
#include "main/boot.h"
#include "proc/mpm_conf.h"

void pn_show_version(void)
{
    printf("Server version: Apache/" PN_APACHE_LEVEL " (Pinion/" PN_VERSION_TEXT ")\n");
    printf("Server built:   " __DATE__ " " __TIME__ "\n");
}

static void show_defines(void)
{
    printf("Server compiled with....\n");
    printf(" -D APR_HAS_SENDFILE\n -D APR_HAS_MMAP\n -D APR_HAVE_IPV6 (IPv4-mapped addresses enabled)\n");
    printf(" -D APR_HAS_OTHER_CHILD\n -D AP_HAVE_RELIABLE_PIPED_LOGS\n");
    printf(" -D HTTPD_ROOT=\"%s\"\n", PN_DEFAULT_ROOT);
    printf(" -D DEFAULT_PIDLOG=\"logs/httpd.pid\"\n");
    printf(" -D DEFAULT_ERRORLOG=\"logs/error_log\"\n");
    printf(" -D AP_TYPES_CONFIG_FILE=\"/etc/mime.types\"\n");
    printf(" -D SERVER_CONFIG_FILE=\"%s\"\n", PN_DEFAULT_CONFIG);
}

void pn_show_settings(const struct pn_command *args, apr_pool_t *pool)
{
    /* COMPAT: 2.4 names the model of the configuration; one that cannot be read does not keep the rest back. */
    struct pn_load_report report;
    struct pn_generation *generation = pn_boot_load(args, pool, 0, PN_LOAD_QUIETLY, &report);
    enum pn_mpm_model     model = generation ? pn_mpm_model_of(generation, NULL) : PN_MPM_EVENT;

    pn_show_version();
    printf("Server's Module Magic Number: " PN_API_VERSION_TEXT "\n");
    printf("Server loaded:  APR %s, APR-UTIL %s\n", apr_version_string(), apu_version_string());
    printf("Compiled using: APR %s, APR-UTIL %s\n", APR_VERSION_STRING, APU_VERSION_STRING);
    printf("Architecture:   %zu-bit\n", sizeof(void *) * 8);
    printf("Server MPM:     %s\n", pn_mpm_name(model));
    printf("  threaded:     %s\n", model == PN_MPM_PREFORK ? "no" : "yes (fixed thread count)");
    printf("    forked:     yes (variable process count)\n");
    show_defines();
    pn_generation_unref(generation);
}

static void print(struct pn_buf *buf)
{
    fwrite(buf->p, 1, buf->n, stdout);
    pn_buf_release(buf);
}

void pn_show_static_modules(void)
{
    struct pn_buf buf;

    pn_buf_init(&buf, NULL, SIZE_MAX);
    pn_buf_lit(&buf, "Compiled in modules:\n");
    pn_list_static(&buf);
    print(&buf);
}

void pn_show_directives(void)
{
    struct pn_buf buf;

    pn_buf_init(&buf, NULL, SIZE_MAX);
    pn_list_directives(&buf);
    print(&buf);
}
