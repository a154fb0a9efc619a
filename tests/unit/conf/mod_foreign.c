/* mod_foreign.c - a data symbol that looks like a module object of httpd 2.4. For
 * test_registry.c. */
extern struct {
    int           version, minor, index;
    const char   *name;
    void         *handle, *next;
    unsigned long magic;
} foreign_module;

__typeof__(foreign_module) foreign_module = {
    20120211, 0, -1, "mod_foreign.c", 0, 0, 0x41503234UL
};
