/* Fails some calls of a program that is started with this in LD_PRELOAD: which, the test says in a file that both have
 * mapped (MDM_FAULTS). All processes that are started by the program count together. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NONE, THREAD, OPEN, CONNECT, WRITE, SPAWN, FSYNC, RENAME, SOCKET };

/* As `Faults` in tests/faults.rs has it. */
struct orders {
    _Atomic long kind, first, count, seen, failed;
};

static struct orders *orders;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("MDM_FAULTS");
    if (path == NULL) return;
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) orders = mapped;
    close(file);
}

static int fails(long kind) {
    if (orders == NULL || atomic_load(&orders->kind) != kind) return 0;
    long number = atomic_fetch_add(&orders->seen, 1) + 1;
    long first = atomic_load(&orders->first);
    if (number < first || number >= first + atomic_load(&orders->count)) return 0;
    atomic_fetch_add(&orders->failed, 1);
    return 1;
}

#define NEXT(name) \
    static __typeof__(name) *next; \
    if (next == NULL) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define FAIL(error) do { errno = (error); return -1; } while (0)

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument) {
    NEXT(pthread_create);
    return fails(THREAD) ? EAGAIN : next(thread, attributes, start, argument);
}

int open64(const char *path, int flags, ...) {
    NEXT(open64);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (fails(OPEN)) FAIL(EMFILE);
    return next(path, flags, mode);
}

int connect(int socket, const struct sockaddr *address, socklen_t length) {
    NEXT(connect);
    if (fails(CONNECT)) FAIL(ENETUNREACH);
    return next(socket, address, length);
}

ssize_t write(int file, const void *bytes, size_t length) {
    NEXT(write);
    /* What is printed is no matter of the disk. */
    if (file > STDERR_FILENO && fails(WRITE)) FAIL(ENOSPC);
    return next(file, bytes, length);
}

int posix_spawn(pid_t *child, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[]) {
    NEXT(posix_spawn);
    return fails(SPAWN) ? EAGAIN : next(child, path, actions, attributes, arguments, environment);
}

int posix_spawnp(pid_t *child, const char *path, const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attributes, char *const arguments[], char *const environment[]) {
    NEXT(posix_spawnp);
    return fails(SPAWN) ? EAGAIN : next(child, path, actions, attributes, arguments, environment);
}

pid_t fork(void) {
    NEXT(fork);
    if (fails(SPAWN)) FAIL(EAGAIN);
    return next();
}

int fsync(int file) {
    NEXT(fsync);
    if (fails(FSYNC)) FAIL(EIO);
    return next(file);
}

int rename(const char *from, const char *to) {
    NEXT(rename);
    if (fails(RENAME)) FAIL(ENOSPC);
    return next(from, to);
}

int socket(int domain, int type, int protocol) {
    NEXT(socket);
    if (fails(SOCKET)) FAIL(EMFILE);
    return next(domain, type, protocol);
}
