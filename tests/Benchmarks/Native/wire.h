/* Bytes of the v7 dialect that both programs need: numbers as src/Kvmi.Protocol/dialects.md lists them. Little-endian hosts only. */
#ifndef WIRE_H
#define WIRE_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    ID_EVENT_REPLY = 0, ID_EVENT = 1, ID_GET_VERSION = 2, ID_GET_INFO = 5, ID_GET_VCPU_INFO = 6, ID_PAUSE_VCPU = 7, ID_CONTROL_EVENTS = 9,
    ID_CONTROL_CR = 10, ID_CONTROL_MSR = 11, ID_GET_REGISTERS = 13, ID_GET_CPUID = 15, ID_READ_PHYSICAL = 17, ID_COMMAND_RESPONSE = 27,
    ID_GET_MAX_GFN = 29, ID_TRANSLATE_GVA = 35,
    EVENT_CR = 1, EVENT_MSR = 2, EVENT_PF = 6, EVENT_PAUSE = 10,
    HELLO_SIZE = 96, ANSWER_SIZE = 24, BASE = 544, EVENT_SIZE = 8 + BASE + 24, MAX_MESSAGE = 8 + 8184,
};

struct header { uint16_t id, size; uint32_t sequence; };

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(3);
}

static inline void broken(const char *what)
{
    fprintf(stderr, "the peer broke the protocol: %s\n", what);
    exit(4);
}

/* False when the peer has closed. */
static inline int read_all(int fd, void *to, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t n = read(fd, (char *)to + done, count - done);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return 0;
        if (n < 0 && errno != EINTR)
            fail("read");
        if (n > 0)
            done += (size_t)n;
    }
    return 1;
}

static inline void write_all(int fd, const void *from, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t n = send(fd, (const char *)from + done, count - done, MSG_NOSIGNAL);
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
            broken("it closed while it was written to");
        if (n < 0 && errno != EINTR)
            fail("send");
        if (n > 0)
            done += (size_t)n;
    }
}

static inline struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "%s: longer than a Unix socket's path may be\n", path);
        exit(2);
    }
    strcpy(address.sun_path, path);
    return address;
}

#endif
