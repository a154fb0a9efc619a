/* store_listing.c - the names in a directory, kept with its node until the watch tells of a
 * change.
 *
 * Called by what lists or negotiates. Directories are read off the loop: a large one takes a
 * while even when it is in the kernel's cache. A listing is one block of memory with a count of
 * references. */
#include "http/store_internal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "rt/offload.h"

struct names {
    size_t n, cap, bytes; /* bytes of text, a NUL behind each */
    struct raw {
        char         *name;
        size_t        n;
        unsigned char type;
    } * v;
};

static void names_free(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->v[i].name);
    free(names->v);
}

static bool add_name(struct names *names, const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    char  *copy;

    if (names->n == names->cap) {
        size_t      cap = names->cap ? names->cap * 2 : 64;
        struct raw *bigger = realloc(names->v, cap * sizeof(*bigger));

        if (bigger == NULL)
            return false;
        names->v = bigger;
        names->cap = cap;
    }
    copy = strdup(entry->d_name);
    if (copy == NULL)
        return false;
    names->v[names->n++] = (struct raw){ copy, n, entry->d_type };
    names->bytes += n + 1;
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct raw *)a)->name, ((const struct raw *)b)->name);
}

/* ---- on a thread of the pool ---- */

struct reading {
    int                fd;
    struct pn_listing *listing;
};

static enum pn_file_type hint_of(unsigned char type)
{
    switch (type) {
    case DT_REG:
        return PN_FILE_REGULAR;
    case DT_DIR:
        return PN_FILE_DIRECTORY;
    case DT_LNK: /* what it leads to has to be looked up */
    case DT_UNKNOWN:
        return PN_FILE_NONE;
    default:
        return PN_FILE_OTHER;
    }
}

static struct pn_listing *pack(const struct names *names)
{
    size_t             head = sizeof(struct pn_listing) + names->n * sizeof(struct pn_dirent);
    struct pn_listing *listing = malloc(head + names->bytes);
    struct pn_dirent  *v;
    char              *text;

    if (listing == NULL)
        return NULL;
    v = (struct pn_dirent *)(listing + 1);
    text = (char *)listing + head;
    for (size_t i = 0; i < names->n; i++) {
        memcpy(text, names->v[i].name, names->v[i].n + 1);
        v[i] = (struct pn_dirent){ pn_str_n(text, names->v[i].n), hint_of(names->v[i].type) };
        text += names->v[i].n + 1;
    }
    *listing = (struct pn_listing){ .refs = 1, .n = (unsigned)names->n, .v = v };
    return listing;
}

static void read_fn(void *arg)
{
    struct reading      *r = arg;
    struct names         names = { 0 };
    const struct dirent *entry;
    DIR                 *dir;
    bool                 whole = true;
    int                  fd = openat(r->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    dir = fdopendir(fd);
    if (dir == NULL) {
        close(fd);
        return;
    }
    while (whole && (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            whole = add_name(&names, entry);
    closedir(dir);
    if (names.n)
        qsort(names.v, names.n, sizeof(*names.v), by_name);
    if (whole)
        r->listing = pack(&names);
    names_free(&names);
}

/* ---- on the loop ---- */

void pn_listing_unref(struct pn_listing *listing)
{
    if (listing && --listing->refs == 0)
        free(listing);
}

void pn__dir_changed(struct node_dir *dir)
{
    dir->changes++;
    pn_listing_unref(dir->listing);
    dir->listing = NULL;
}

/* The directory's state that the place hangs on; NULL when it changed since, or is none. */
static struct node_dir *dir_of(struct pn_place *place)
{
    struct store_node *node = PN_CONTAINER(place, struct place, super)->node;

    return place->finfo.type == PN_FILE_DIRECTORY && place->status == 0 && node ? node->dir : NULL;
}

/* Reads without holding on to the node: it may go while the thread reads. */
PN_MAY_YIELD static struct pn_listing *read_dir(struct pn_place *place)
{
    struct node_dir *dir = dir_of(place);
    struct reading   r = { .fd = fcntl(pn__node_final(dir->node)->dir->fd, F_DUPFD_CLOEXEC, 0) };
    unsigned         changes = dir->changes;

    if (r.fd < 0)
        return NULL;
    if (pn_fiber_this() == NULL || pn_offload(read_fn, &r) != PN_OK)
        read_fn(&r);
    close(r.fd);
    dir = dir_of(place);
    if (r.listing && dir && dir->changes == changes && !dir->untrusted && dir->listing == NULL) {
        r.listing->refs++;
        dir->listing = r.listing;
    }
    return r.listing;
}

struct pn_listing *pn_store_listing(struct pn_store *store, struct pn_place *place)
{
    struct pn_listing *listing = NULL;

    /* A place that something happened to may have lost its node: the name is what was asked for. */
    if (dir_of(place) == NULL)
        place = pn_store_find(store, place->server, PN_CONTAINER(place, struct place, super)->key);
    else
        pn_place_ref(place);
    struct node_dir *dir = dir_of(place);
    if (dir && dir->listing) {
        listing = dir->listing;
        listing->refs++;
    }
    else if (dir)
        listing = read_dir(place);
    pn_place_unref(place);
    return listing;
}
