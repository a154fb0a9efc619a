/* scoreboard.c - see scoreboard.h. */
#include "proc/scoreboard.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define BOARD_MAGIC 0x706e5362u /* "pnSb" */

static size_t board_bytes(unsigned n_slots)
{
    return sizeof(struct pn_board) + n_slots * (sizeof(struct pn_board_slot) + sizeof(struct pn_board_words));
}

/* A file of the right size without content, or -1. A board that an earlier master left is replaced, not reused: its
 * children may still write to it. */
static int make_file(const char *path, size_t bytes)
{
    int fd;

    if (unlink(path) != 0 && errno != ENOENT)
        return -1;
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0 && ftruncate(fd, (off_t)bytes) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

struct pn_board *pn__board_open(const char *file, unsigned n_slots)
{
    size_t           bytes = board_bytes(n_slots);
    int              fd = -1;
    struct pn_board *board;

    if (file && (fd = make_file(file, bytes)) < 0)
        return NULL;
    board = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    if (fd >= 0)
        close(fd);
    if (board == MAP_FAILED)
        return NULL;
    board->magic = BOARD_MAGIC;
    board->n_slots = n_slots;
    return board;
}

void pn__board_close(struct pn_board *board)
{
    if (board)
        munmap(board, board_bytes(board->n_slots));
}

void pn__board_slot_reset(struct pn_board *board, unsigned index, unsigned generation)
{
    struct pn_board_slot *slot = &board->slots[index];

    atomic_store(&slot->pid, 0);
    pn__slot_set(&slot->conns, 0);
    pn__slot_set(&slot->active, 0);
    atomic_store(&slot->requests, 0);
    atomic_store(&slot->bytes, 0);
    atomic_store(&slot->accepted, 0);
    atomic_store(&slot->started, 0);
    atomic_store(&slot->memory, 0);
    atomic_store(&slot->turn_since, 0);
    atomic_store(&pn__board_words(board, index)->state, PN_WORDS_NONE);
    pn__slot_set(&slot->generation, generation);
    pn__slot_set(&slot->state, PN_SLOT_EMPTY);
    if (pn__slot_get(&board->used) <= index)
        pn__slot_set(&board->used, index + 1);
}
