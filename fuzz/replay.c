/* replay.c - stands in for libFuzzer in ordinary builds: feeds the files of a corpus to a target
 * once each. replay-target CORPUS-FOLDER... An empty corpus is an error. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pinion/base.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Targets need not have one. */
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { PATH_BYTES = 512 };

static bool feed(const char *path)
{
    FILE *file = fopen(path, "rb");
    long  size;

    if (!file || fseek(file, 0, SEEK_END) != 0 || (size = ftell(file)) < 0) {
        perror(path);
        return false;
    }
    rewind(file);
    uint8_t *data = malloc(size ? (size_t)size : 1); /* no byte to spare: overreads show */
    bool     whole = data && fread(data, 1, (size_t)size, file) == (size_t)size;

    if (whole)
        LLVMFuzzerTestOneInput(data, (size_t)size);
    else
        perror(path);
    free(data);
    fclose(file);
    return whole;
}

/* @return how many files were fed, -1 on an error */
static int feed_folder(const char *folder)
{
    DIR           *dir = opendir(folder);
    struct dirent *entry;
    char           path[PATH_BYTES];
    int            count = 0;

    if (!dir) {
        perror(folder);
        return -1;
    }
    while (count >= 0 && (entry = readdir(dir))) {
        if (entry->d_name[0] == '.')
            continue;
        int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        count = n > 0 && (size_t)n < sizeof(path) && feed(path) ? count + 1 : -1;
    }
    closedir(dir);
    return count;
}

int main(int argc, char **argv)
{
    if (LLVMFuzzerInitialize && LLVMFuzzerInitialize(&argc, &argv) != 0)
        return 1;
    for (int i = 1; i < argc; i++) {
        int count = feed_folder(argv[i]);
        if (count <= 0) {
            fprintf(stderr, "%s: %s\n", argv[i], count ? "failed" : "no inputs");
            return 1;
        }
        printf("%s: %d inputs\n", argv[i], count);
    }
    return argc > 1 ? 0 : 2;
}
