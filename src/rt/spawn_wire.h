/* spawn_wire.h - the messages between pn_spawn and the helper process. Both are the same program: native byte order.
 *
 * A request is a struct pn__spawn_head and, behind it or in a memory file of its own, NUL-terminated strings: program,
 * directory, arguments, environment. Its descriptors come in the order of the flags: handle, output, input, errors,
 * strings. The handle is a SOCK_SEQPACKET socket of this one program: the client sends orders on it, the helper one
 * struct pn__spawn_end, and its closing without an order means that the client died. */
#ifndef PN_RT_SPAWN_WIRE_H
#define PN_RT_SPAWN_WIRE_H

#include <pinion/spawn.h>

#define PN__SPAWN_MAGIC 0x50536731u
#define PN__SPAWN_INLINE_BYTES ((size_t)48 * 1024)
#define PN__SPAWN_STRINGS_MAX ((size_t)4 * 1024 * 1024)
#define PN__SPAWN_FDS_MAX 5

enum {
    PN__SPAWN_HAS_INPUT = 1,
    PN__SPAWN_HAS_ERRORS = 2,
    PN__SPAWN_STRINGS_IN_FILE = 4,
    PN__SPAWN_HAS_DIRECTORY = 8
};

struct pn__spawn_head {
    uint32_t magic;
    uint32_t flags;
    uint32_t argc, envc;
    uint64_t strings_bytes;
    struct pn_resource_limit limits[PN_RESOURCE__COUNT];
};

enum { PN__SPAWN_KILL = 'K', PN__SPAWN_DONE = 'D' };

enum pn__spawn_step { PN__SPAWN_NO_STEP, PN__SPAWN_FORK, PN__SPAWN_CHDIR, PN__SPAWN_LIMITS, PN__SPAWN_EXEC };

struct pn__spawn_end {
    int32_t error, step; /* enum pn__spawn_step; 0 when it ran */
    int32_t pid;
    int32_t status;      /* of waitpid */
};

#endif
