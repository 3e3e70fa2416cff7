/*
 * The floor: a tool's end that answers every event with CONTINUE and decides nothing.
 *
 *   responder SOCKET MODE READS
 *
 * MODE  read   blocking read and write on the connection's thread
 *       poll   as libkvmi does it: poll, read the header, read the body into memory from malloc, write; free
 *       queue  poll, and the event goes through a locked queue to a second thread, which answers it
 *       spin   reads without waiting until bytes come; after 50 ms without any it waits in poll
 * READS  commands READ_PHYSICAL that are sent and awaited, one after the other, for each event
 *
 * One thread for each connection. Prints "connection N" on standard output when one has shaken hands, and ends on standard input's end.
 */
#include "wire.h"
#include <poll.h>
#include <pthread.h>

enum mode { MODE_READ, MODE_POLL, MODE_QUEUE, MODE_SPIN };

struct event { struct event *next; size_t length; uint8_t bytes[]; };

struct connection {
    int fd;
    uint32_t sequence;
    size_t start, end;
    uint8_t input[64 * 1024];
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct event *first, *last;
};

static enum mode mode;
static int reads;
static int connections;

static int wait_readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    while (poll(&p, 1, -1) < 0)
        if (errno != EINTR)
            fail("poll");
    return 1;
}

static ssize_t receive(struct connection *c)
{
    if (c->start == c->end)
        c->start = c->end = 0;
    else if (sizeof c->input - c->end < MAX_MESSAGE) {
        memmove(c->input, c->input + c->start, c->end - c->start);
        c->end -= c->start;
        c->start = 0;
    }
    uint64_t since = 0;
    for (unsigned turn = 0;; turn++) {
        ssize_t n = recv(c->fd, c->input + c->end, sizeof c->input - c->end, mode == MODE_SPIN ? MSG_DONTWAIT : 0);
        if (n > 0)
            c->end += (size_t)n;
        if (n >= 0)
            return n;
        if (errno == ECONNRESET)
            return 0;
        if (errno != EAGAIN && errno != EINTR)
            fail("recv");
        if (turn % 256 == 0) {
            uint64_t now = now_ns();
            if (since == 0)
                since = now;
            else if (now - since > 50000000)
                wait_readable(c->fd);
        }
    }
}

/* The next whole message; null when the peer has closed. Poll and queue take it out in two reads, into memory of its own. */
static uint8_t *next_message(struct connection *c, struct event **own)
{
    if (mode == MODE_READ || mode == MODE_SPIN) {
        for (;;) {
            struct header h;
            if (c->end - c->start >= sizeof h) {
                memcpy(&h, c->input + c->start, sizeof h);
                if (c->end - c->start >= sizeof h + h.size) {
                    uint8_t *message = c->input + c->start;
                    c->start += sizeof h + h.size;
                    return message;
                }
            }
            if (receive(c) == 0)
                return NULL;
        }
    }
    struct header h;
    wait_readable(c->fd);
    if (!read_all(c->fd, &h, sizeof h))
        return NULL;
    *own = malloc(sizeof **own + sizeof h + h.size);
    if (*own == NULL)
        fail("malloc");
    (*own)->next = NULL;
    (*own)->length = sizeof h + h.size;
    memcpy((*own)->bytes, &h, sizeof h);
    if (h.size > 0) {
        wait_readable(c->fd);
        if (!read_all(c->fd, (*own)->bytes + sizeof h, h.size))
            return NULL;
    }
    return (*own)->bytes;
}

static void answer(struct connection *c, const uint8_t *message)
{
    uint8_t reply[8 + 288] = { 0 };
    struct header h;
    memcpy(&h, message, sizeof h);
    uint8_t kind = message[8 + 4];
    size_t payload = kind == EVENT_CR || kind == EVENT_MSR ? 24 : kind == EVENT_PF ? 288 : 16;
    struct header r = { ID_EVENT_REPLY, (uint16_t)payload, h.sequence };
    memcpy(reply, &r, sizeof r);
    memcpy(reply + 8, message + 8 + 2, 2);
    reply[8 + 9] = kind;
    if (payload == 24)
        memcpy(reply + 8 + 16, message + 8 + BASE + 16, 8);
    write_all(c->fd, reply, 8 + payload);
}

static void command(struct connection *c, uint16_t id, const void *payload, uint16_t size)
{
    uint8_t request[64];
    struct header h = { id, size, ++c->sequence };
    memcpy(request, &h, sizeof h);
    memcpy(request + 8, payload, size);
    write_all(c->fd, request, 8u + size);
}

static int serve_event(struct connection *c, uint8_t *message)
{
    uint8_t copy[EVENT_SIZE];
    if (reads > 0) {
        memcpy(copy, message, EVENT_SIZE);
        message = copy;
    }
    for (int i = 0; i < reads; i++) {
        uint64_t range[2] = { 0x10000 + 4096u * (unsigned)i, 64 };
        command(c, ID_READ_PHYSICAL, range, sizeof range);
        struct event *own = NULL;
        uint8_t *reply = next_message(c, &own);
        if (reply == NULL)
            return 0;
        struct header h;
        memcpy(&h, reply, sizeof h);
        if (h.id != ID_READ_PHYSICAL || h.sequence != c->sequence)
            broken("another message came where the answer of READ_PHYSICAL was awaited; READS need one vCPU");
        free(own);
    }
    answer(c, message);
    return 1;
}

static void *second_thread(void *argument)
{
    struct connection *c = argument;
    for (;;) {
        pthread_mutex_lock(&c->lock);
        while (c->first == NULL)
            pthread_cond_wait(&c->filled, &c->lock);
        struct event *event = c->first;
        c->first = event->next;
        pthread_mutex_unlock(&c->lock);
        if (event->length == 0)
            return NULL;
        answer(c, event->bytes);
        free(event);
    }
}

static void enqueue(struct connection *c, struct event *event)
{
    pthread_mutex_lock(&c->lock);
    if (c->first == NULL)
        c->first = event;
    else
        c->last->next = event;
    c->last = event;
    pthread_cond_signal(&c->filled);
    pthread_mutex_unlock(&c->lock);
}

static void *serve(void *argument)
{
    struct connection *c = argument;
    uint8_t hello[65536];
    uint32_t size, answer_size = ANSWER_SIZE;
    uint8_t reply[ANSWER_SIZE] = { 0 };
    if (!read_all(c->fd, &size, 4) || size < 32 || size > sizeof hello || !read_all(c->fd, hello, size - 4))
        broken("no hello");
    memcpy(reply, &answer_size, 4);
    write_all(c->fd, reply, sizeof reply);
    command(c, ID_GET_VERSION, NULL, 0);
    struct event *own = NULL;
    if (next_message(c, &own) == NULL)
        broken("no version");
    free(own);
    printf("connection %d\n", __atomic_add_fetch(&connections, 1, __ATOMIC_SEQ_CST));
    fflush(stdout);

    pthread_t second;
    if (mode == MODE_QUEUE && pthread_create(&second, NULL, second_thread, c) != 0)
        fail("pthread_create");
    for (;;) {
        own = NULL;
        uint8_t *message = next_message(c, &own);
        if (message == NULL)
            break;
        struct header h;
        memcpy(&h, message, sizeof h);
        if (h.id != ID_EVENT)
            broken("a message that is not an event");
        if (mode == MODE_QUEUE) {
            enqueue(c, own);
            continue;
        }
        if (!serve_event(c, message))
            break;
        free(own);
    }
    if (mode == MODE_QUEUE) {
        struct event *end = calloc(1, sizeof *end);
        if (end == NULL)
            fail("calloc");
        enqueue(c, end);
        pthread_join(second, NULL);
    }
    close(c->fd);
    free(c);
    return NULL;
}

static void *end_with_input(void *unused)
{
    char byte;
    (void)unused;
    while (read(0, &byte, 1) > 0)
        ;
    exit(0);
}

int main(int count, char **arguments)
{
    static const char *const names[] = { "read", "poll", "queue", "spin" };
    if (count != 4) {
        fprintf(stderr, "usage: responder SOCKET read|poll|queue|spin READS\n");
        return 2;
    }
    mode = MODE_SPIN + 1;
    for (int i = 0; i < 4; i++)
        if (strcmp(arguments[2], names[i]) == 0)
            mode = (enum mode)i;
    reads = atoi(arguments[3]);
    if (mode > MODE_SPIN || reads < 0 || (mode == MODE_QUEUE && reads > 0)) {
        fprintf(stderr, "no such mode: %s with %s reads\n", arguments[2], arguments[3]);
        return 2;
    }
    struct sockaddr_un address = address_of(arguments[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 128) < 0)
        fail(arguments[1]);
    pthread_t thread;
    if (pthread_create(&thread, NULL, end_with_input, NULL) != 0)
        fail("pthread_create");
    printf("listening\n");
    fflush(stdout);
    for (;;) {
        struct connection *c = calloc(1, sizeof *c);
        if (c == NULL)
            fail("calloc");
        pthread_mutex_init(&c->lock, NULL);
        pthread_cond_init(&c->filled, NULL);
        c->fd = accept(listener, NULL, NULL);
        if (c->fd < 0)
            fail("accept");
        if (pthread_create(&thread, NULL, serve, c) != 0)
            fail("pthread_create");
        pthread_detach(thread);
    }
}
