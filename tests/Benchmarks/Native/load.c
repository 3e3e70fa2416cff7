/*
 * The load: the hypervisor's end of VMS connections with VCPUS vCPUs each. Every vCPU has one event under way, as a stopped vCPU does:
 * when its reply is here the next one leaves. Commands of the tool are answered at once.
 *
 *   load SOCKET VMS VCPUS KIND
 *
 * KIND   cr | msr | pf | mix
 *
 * Prints "attached" when every connection has shaken hands and the tool has sent no command for 300 ms. Then, for every line
 * "run MILLISECONDS" on standard input, it runs a round and prints one line of figures:
 *
 *   round events=N nanoseconds=N commands=N p50=N p99=N p999=N max=N buckets=INDEX:COUNT,...
 *
 * Times are nanoseconds from before the event's send to after the receive that brought its reply. A bucket is 1/32 of a power of two wide.
 * A reply of an event that does not wait for one, or of another size, kind or vCPU, ends the program with status 4. Ends on standard input's end.
 */
#include "wire.h"
#include <poll.h>
#include <sys/epoll.h>

enum { SUB_BITS = 5, BUCKETS = 40 << SUB_BITS, PAGE = 4096 };

struct vcpu { uint32_t sequence; uint8_t kind, waiting; uint64_t sent; uint64_t value; };

struct vm {
    int fd;
    size_t start, end;
    uint8_t input[64 * 1024];
    int answers_off;
    struct vcpu *vcpus;
};

static int vm_count, vcpu_count;
static const uint8_t *kinds;
static int kinds_count;
static struct vm *vms;
static int epoll_fd;
static uint64_t histogram[BUCKETS];
static uint64_t events, commands, longest, last_command, total;
static int waiting, open_vms;
static uint64_t stop_at;
static uint8_t event_template[EVENT_SIZE];

static unsigned bucket_of(uint64_t value)
{
    if (value < 1u << SUB_BITS)
        return (unsigned)value;
    int shift = 63 - __builtin_clzll(value) - SUB_BITS;
    unsigned bucket = (unsigned)((shift + 1) << SUB_BITS) + (unsigned)(value >> shift) - (1u << SUB_BITS);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static uint64_t upper_of(unsigned bucket)
{
    if (bucket < 1u << SUB_BITS)
        return bucket;
    int shift = (int)(bucket >> SUB_BITS) - 1;
    return (((uint64_t)(bucket & ((1u << SUB_BITS) - 1)) + (1u << SUB_BITS) + 1) << shift) - 1;
}

static uint64_t quantile(double q)
{
    uint64_t rank = (uint64_t)(q * (double)events), seen = 0;
    if (rank >= events)
        rank = events ? events - 1 : 0;
    for (unsigned i = 0; i < BUCKETS; i++)
        if ((seen += histogram[i]) > rank)
            return upper_of(i) < longest ? upper_of(i) : longest;
    return longest;
}

static void put(void *at, uint64_t value) { memcpy(at, &value, 8); }

/* What a kernel says of a vCPU in 64-bit kernel mode. */
static void fill_base(uint8_t *base)
{
    uint16_t size = BASE;
    memcpy(base, &size, 2);
    base[8] = 8;                                              /* mode: operand size in bytes */
    uint8_t *regs = base + 16, *sregs = base + 160, *msrs = base + 472;
    put(regs + 48, 0xffffc90000003f00);                       /* rsp */
    put(regs + 128, 0xffffffff81001000);                      /* rip */
    put(regs + 136, 0x246);                                   /* rflags */
    put(sregs + 8, 0xffffffff);
    sregs[8 + 4] = 0x10;                                      /* cs.selector follows base and limit */
    put(sregs + 224, 0x80050033);                             /* cr0 */
    put(sregs + 240, 0x1000);                                 /* cr3 */
    put(sregs + 248, 0x3606f0);                               /* cr4 */
    put(sregs + 264, 0xd01);                                  /* efer */
    put(msrs + 32, 0xd01);
    put(msrs + 48, 0xffffffff81e00080);
}

static void send_event(struct vm *vm, int index)
{
    struct vcpu *vcpu = &vm->vcpus[index];
    uint8_t message[EVENT_SIZE];
    memcpy(message, event_template, EVENT_SIZE);
    vcpu->kind = kinds[vcpu->sequence % (unsigned)kinds_count];
    vcpu->sequence++;
    /* Sequence numbers of vCPUs do not collide: each has a range of its own. */
    struct header h = { ID_EVENT, EVENT_SIZE - 8, ((uint32_t)index << 24) | (vcpu->sequence & 0xffffff) };
    uint16_t number = (uint16_t)index;
    uint8_t *data = message + 8 + BASE;
    memcpy(message, &h, sizeof h);
    memcpy(message + 8 + 2, &number, 2);
    message[8 + 4] = vcpu->kind;
    switch (vcpu->kind) {
    case EVENT_CR:
        put(data, 3);
        put(data + 8, vcpu->value);
        vcpu->value = 0x1000u + (uint64_t)(vcpu->sequence % 64) * PAGE;
        put(data + 16, vcpu->value);
        break;
    case EVENT_MSR:
        put(data, 0xc0000082);
        put(data + 8, 0xffffffff81e00080);
        put(data + 16, 0xffffffff81e00080);
        break;
    default:
        put(data, 0xffff888000011008);
        put(data + 8, 0x11008);
        put(data + 16, 2);                                    /* write */
        break;
    }
    vcpu->waiting = 1;
    waiting++;
    total++;
    vcpu->sent = now_ns();
    write_all(vm->fd, message, sizeof message);
}

static void take_reply(struct vm *vm, const struct header *h, const uint8_t *payload, uint64_t now)
{
    uint16_t index;
    if (h->size < 16)
        broken("a reply to an event of less than 16 bytes");
    memcpy(&index, payload, 2);
    if (index >= vcpu_count)
        broken("a reply for a vCPU that does not exist");
    struct vcpu *vcpu = &vm->vcpus[index];
    uint32_t expected = ((uint32_t)index << 24) | (vcpu->sequence & 0xffffff);
    uint16_t size = vcpu->kind == EVENT_PF ? 288 : 24;
    if (!vcpu->waiting || h->sequence != expected)
        broken("a reply of an event that does not wait for one");
    if (payload[9] != vcpu->kind || payload[8] > 1 || (h->size != size && h->size != 16))
        broken("a reply of another kind or size than its event");
    vcpu->waiting = 0;
    waiting--;
    uint64_t took = now - vcpu->sent;
    if (took > longest)
        longest = took;
    histogram[bucket_of(took)]++;
    events++;
    if (now < stop_at)
        send_event(vm, index);
}

static void answer_command(struct vm *vm, const struct header *h, const uint8_t *payload, uint64_t now)
{
    uint8_t reply[MAX_MESSAGE];
    size_t data = 0;
    uint64_t range[2];
    memset(reply, 0, 16 + 1024);
    commands++;
    last_command = now;
    switch (h->id) {
    case ID_GET_VERSION: reply[16] = 1; data = 16; break;
    case ID_GET_INFO: memcpy(reply + 16, &vcpu_count, 4); data = 16; break;
    case ID_GET_VCPU_INFO: put(reply + 16, 2400000000u); data = 8; break;
    case ID_GET_CPUID: data = 16; break;
    case ID_GET_MAX_GFN: put(reply + 16, 0x40000); data = 8; break;
    case ID_TRANSLATE_GVA: memcpy(reply + 16, payload + 8, 8); data = 8; break;
    case ID_GET_REGISTERS: {
        uint16_t n;
        uint32_t mode = 8, msr_count;
        memcpy(&n, payload + 8, 2);
        if (n > 32)
            broken("GET_REGISTERS for more than 32 MSRs");
        msr_count = n;
        memcpy(reply + 16, &mode, 4);
        memcpy(reply + 24, event_template + 8 + 16, 144 + 312);
        memcpy(reply + 480, &msr_count, 4);
        for (unsigned i = 0; i < n; i++)
            memcpy(reply + 488 + 16 * i, payload + 16 + 4 * i, 4);
        data = 472u + 16u * n;
        break;
    }
    case ID_READ_PHYSICAL:
        memcpy(range, payload, 16);
        if (range[1] == 0 || range[1] > PAGE || (range[0] & (PAGE - 1)) + range[1] > PAGE)
            broken("READ_PHYSICAL of no or more than one page");
        data = (size_t)range[1];
        memset(reply + 16, 0x90, data);
        break;
    case ID_COMMAND_RESPONSE:
        vm->answers_off = !payload[0];
        if (!payload[1])
            return;
        break;
    default:
        /* The rest has an error code and nothing else: here it always works. */
        break;
    }
    if (vm->answers_off && h->id != ID_COMMAND_RESPONSE)
        return;
    struct header r = { h->id, (uint16_t)(8 + data), h->sequence };
    memcpy(reply, &r, sizeof r);
    write_all(vm->fd, reply, 16 + data);
}

/* False when the tool has closed. */
static int receive(struct vm *vm, int flags)
{
    if (vm->start == vm->end)
        vm->start = vm->end = 0;
    else if (sizeof vm->input - vm->end < MAX_MESSAGE) {
        memmove(vm->input, vm->input + vm->start, vm->end - vm->start);
        vm->end -= vm->start;
        vm->start = 0;
    }
    ssize_t n = recv(vm->fd, vm->input + vm->end, sizeof vm->input - vm->end, flags);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 1;
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return 0;
    if (n < 0)
        fail("recv");
    vm->end += (size_t)n;
    uint64_t now = now_ns();
    for (;;) {
        struct header h;
        if (vm->end - vm->start < sizeof h)
            return 1;
        memcpy(&h, vm->input + vm->start, sizeof h);
        if (h.size > MAX_MESSAGE - 8)
            broken("a message that is too long");
        if (vm->end - vm->start < sizeof h + h.size)
            return 1;
        const uint8_t *payload = vm->input + vm->start + sizeof h;
        vm->start += sizeof h + h.size;
        if (h.id == ID_EVENT_REPLY)
            take_reply(vm, &h, payload, now);
        else
            answer_command(vm, &h, payload, now);
    }
}

static void take(struct vm *vm, int flags)
{
    if (!receive(vm, flags)) {
        if (waiting > 0)
            broken("it closed while vCPUs waited");
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, vm->fd, NULL);
        if (--open_vms == 0)
            exit(0);
    }
}

static void pump(int timeout)
{
    struct epoll_event ready[64];
    int n = epoll_wait(epoll_fd, ready, 64, timeout);
    if (n < 0 && errno != EINTR)
        fail("epoll_wait");
    for (int i = 0; i < n; i++)
        take(&vms[ready[i].data.u32], MSG_DONTWAIT);
}

static void run_round(unsigned milliseconds)
{
    memset(histogram, 0, sizeof histogram);
    events = commands = longest = total = 0;
    uint64_t begin = now_ns();
    stop_at = begin + (uint64_t)milliseconds * 1000000u;
    for (int v = 0; v < vm_count; v++)
        for (int i = 0; i < vcpu_count; i++)
            send_event(&vms[v], i);
    while (waiting > 0) {
        if (vm_count == 1)
            take(&vms[0], 0);
        else
            pump(1000);
    }
    uint64_t took = now_ns() - begin;
    if (events != total)
        broken("as many replies as events were awaited");
    printf("round events=%llu nanoseconds=%llu commands=%llu p50=%llu p99=%llu p999=%llu max=%llu buckets=",
        (unsigned long long)events, (unsigned long long)took, (unsigned long long)commands, (unsigned long long)quantile(0.5),
        (unsigned long long)quantile(0.99), (unsigned long long)quantile(0.999), (unsigned long long)longest);
    const char *separator = "";
    for (unsigned i = 0; i < BUCKETS; i++)
        if (histogram[i] != 0) {
            printf("%s%llu:%llu", separator, (unsigned long long)upper_of(i), (unsigned long long)histogram[i]);
            separator = ",";
        }
    printf("\n");
    fflush(stdout);
}

static void connect_vm(struct vm *vm, int index, const char *path)
{
    struct sockaddr_un address = address_of(path);
    uint8_t hello[HELLO_SIZE] = { 0 }, answer[ANSWER_SIZE];
    uint32_t size = HELLO_SIZE;
    vm->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (vm->fd < 0 || connect(vm->fd, (struct sockaddr *)&address, sizeof address) < 0)
        fail(path);
    memcpy(hello, &size, 4);
    hello[4] = 0xbe;
    memcpy(hello + 4 + 12, &index, 4);
    put(hello + 24, 1600000000);
    snprintf((char *)hello + 32, 64, "load-%d", index);
    write_all(vm->fd, hello, sizeof hello);
    if (!read_all(vm->fd, answer, sizeof answer))
        broken("it closed instead of answering the hello");
    vm->vcpus = calloc((size_t)vcpu_count, sizeof *vm->vcpus);
    if (vm->vcpus == NULL)
        fail("calloc");
    struct epoll_event wanted = { .events = EPOLLIN, .data.u32 = (uint32_t)index };
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, vm->fd, &wanted) < 0)
        fail("epoll_ctl");
}

int main(int count, char **arguments)
{
    static const uint8_t cr[] = { EVENT_CR }, msr[] = { EVENT_MSR }, pf[] = { EVENT_PF }, mix[] = { EVENT_CR, EVENT_MSR, EVENT_PF };
    if (count != 5) {
        fprintf(stderr, "usage: load SOCKET VMS VCPUS cr|msr|pf|mix\n");
        return 2;
    }
    vm_count = atoi(arguments[2]);
    vcpu_count = atoi(arguments[3]);
    kinds = strcmp(arguments[4], "cr") == 0 ? cr : strcmp(arguments[4], "msr") == 0 ? msr : strcmp(arguments[4], "pf") == 0 ? pf : mix;
    kinds_count = kinds == mix ? 3 : 1;
    if (vm_count < 1 || vm_count > 1024 || vcpu_count < 1 || vcpu_count > 255) {
        fprintf(stderr, "1 to 1024 VMs with 1 to 255 vCPUs, please\n");
        return 2;
    }
    fill_base(event_template + 8);
    vms = calloc((size_t)vm_count, sizeof *vms);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (vms == NULL || epoll_fd < 0)
        fail("start");
    open_vms = vm_count;
    last_command = now_ns();
    for (int i = 0; i < vm_count; i++)
        connect_vm(&vms[i], i, arguments[1]);
    while (commands < (uint64_t)vm_count || now_ns() - last_command < 300000000)
        pump(20);
    printf("attached commands=%llu\n", (unsigned long long)commands);
    fflush(stdout);

    /* Between rounds the tool may send commands (a reload does): both inputs are watched. */
    for (;;) {
        struct pollfd inputs[] = { { .fd = 0, .events = POLLIN }, { .fd = epoll_fd, .events = POLLIN } };
        if (poll(inputs, 2, -1) < 0 && errno != EINTR)
            fail("poll");
        if (inputs[1].revents)
            pump(0);
        if (inputs[0].revents) {
            char line[64];
            unsigned milliseconds;
            ssize_t n = read(0, line, sizeof line - 1);
            if (n <= 0)
                return 0;
            line[n] = 0;
            if (sscanf(line, "run %u", &milliseconds) == 1)
                run_round(milliseconds);
        }
    }
}
