/*
 * A light upstream: light imap|pop3 MESSAGES OCTETS [CERTIFICATE KEY]
 *
 * A server of one thread, whose sessions cost next to nothing: see light_mail.h. It listens
 * on a free port of 127.0.0.1, which it prints; with a certificate it speaks TLS from the first
 * octet. For each octet of its standard input a message is delivered, and it prints how many there
 * are then; it ends with that input.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/light_mail.h"

enum { PIECE = 65536, EVENTS = 64, OUT_MAX = 1 << 20 };

struct light {
    const struct light_protocol *protocol;
    struct light_mail mail;
    SSL_CTX *tls; /* NULL: in the clear */
    int epoll, listener;
    bool ended;
};

struct light_session {
    int fd;
    SSL *ssl;
    bool greeted;
    bool writes; /* epoll waits until it can be written to */
    struct light_talk talk;
    struct buf in, out;
};

/* `data.ptr` of an event that is not a session's. */
static char listening;
static char standard_input;

static bool light_watch(const struct light *l, int operation, int fd, uint32_t events, void *who)
{
    struct epoll_event ev = {.events = events, .data.ptr = who};

    return epoll_ctl(l->epoll, operation, fd, &ev) == 0;
}

static void session_free(struct light_session *s)
{
    SSL_free(s->ssl);
    close(s->fd);
    buf_clear(&s->in);
    buf_clear(&s->out);
    free(s);
}

/* ---- octets: each gives what was moved, 0 when it must wait, -1 at the end ---- */

static ssize_t tls_moved(struct light_session *s, int n)
{
    if (n > 0)
        return n;
    int error = SSL_get_error(s->ssl, n);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t plain_moved(ssize_t n)
{
    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t session_read(struct light_session *s, char *piece)
{
    return s->ssl ? tls_moved(s, SSL_read(s->ssl, piece, PIECE))
                  : plain_moved(recv(s->fd, piece, PIECE, 0));
}

static ssize_t session_write(struct light_session *s, struct slice octets)
{
    int n = octets.n > OUT_MAX ? OUT_MAX : (int)octets.n;

    return s->ssl ? tls_moved(s, SSL_write(s->ssl, octets.p, n))
                  : plain_moved(send(s->fd, octets.p, (size_t)n, MSG_NOSIGNAL));
}

/* False when the session is over. */
static bool session_flush(const struct light *l, struct light_session *s)
{
    while (buf_size(&s->out)) {
        ssize_t n = session_write(s, buf_slice(&s->out));
        if (n < 0)
            return false;
        if (n == 0)
            break;
        if ((size_t)n == buf_size(&s->out))
            buf_reuse(&s->out);
        else
            buf_drop(&s->out, (size_t)n);
    }
    bool blocked = buf_size(&s->out) > 0;
    if (blocked != s->writes &&
        !light_watch(l, EPOLL_CTL_MOD, s->fd, EPOLLIN | (blocked ? EPOLLOUT : 0), s))
        return false;
    s->writes = blocked;
    return blocked || !s->talk.over;
}

/* Answers all lines of `in` that are whole, and moves it behind them. */
static void session_answer(const struct light *l, struct light_session *s, struct slice *in)
{
    for (const char *end; in->n && (end = memchr(in->p, '\n', in->n));) {
        struct slice line = slice_take(in, (size_t)(end - in->p) + 1);
        line.n -= line.n > 1 && line.p[line.n - 2] == '\r' ? 2 : 1;
        l->protocol->answer(&l->mail, &s->talk, line, &s->out);
    }
}

/* Lines are read where they came; what is not whole is kept for the next piece. */
static void session_take(const struct light *l, struct light_session *s, struct slice piece)
{
    bool begun = buf_size(&s->in) > 0;

    if (begun) {
        buf_put(&s->in, piece);
        piece = buf_slice(&s->in);
    }
    size_t n = piece.n;
    session_answer(l, s, &piece);
    if (begun)
        buf_drop(&s->in, n - piece.n);
    else
        buf_put(&s->in, piece);
}

/* A recv() that had room for more has had all there was. */
static bool session_receive(const struct light *l, struct light_session *s)
{
    static char piece[PIECE];

    for (;;) {
        ssize_t n = session_read(s, piece);
        if (n <= 0)
            return n == 0;
        session_take(l, s, slice_make(piece, (size_t)n));
        if (!s->ssl && n < PIECE)
            return true;
    }
}

static bool session_talk(const struct light *l, struct light_session *s)
{
    if (!s->greeted)
        buf_puts(&s->out, l->protocol->greeting);
    s->greeted = true;
    return session_receive(l, s) && !buf_failed(&s->in) && !buf_failed(&s->out) &&
           session_flush(l, s);
}

/* Memory for answers: lent to the session whose turn it is, which gives it back when all is sent.
 */
static struct buf lent;

static bool session_run(const struct light *l, struct light_session *s)
{
    if (s->ssl && !SSL_is_init_finished(s->ssl)) {
        int done = SSL_accept(s->ssl);
        if (done != 1)
            return tls_moved(s, done) == 0;
    }
    if (!s->out.p) {
        s->out = lent;
        lent = (struct buf)BUF_INIT;
    }
    bool goes_on = session_talk(l, s);
    if (goes_on && buf_size(&s->out) == 0) {
        buf_clear(&lent);
        lent = s->out;
        buf_reuse(&lent);
        s->out = (struct buf)BUF_INIT;
    }
    return goes_on;
}

/* ---- */

static struct light_session *session_new(const struct light *l, int fd)
{
    struct light_session *s = calloc(1, sizeof *s);
    int on = 1;

    if (!s) {
        close(fd);
        return NULL;
    }
    s->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    s->ssl = l->tls ? SSL_new(l->tls) : NULL;
    if ((!l->tls || (s->ssl && SSL_set_fd(s->ssl, fd) == 1)) &&
        light_watch(l, EPOLL_CTL_ADD, fd, EPOLLIN, s))
        return s;
    session_free(s);
    return NULL;
}

static void light_accept(const struct light *l)
{
    int fd;

    while ((fd = accept4(l->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct light_session *s = session_new(l, fd);
        if (s && !session_run(l, s))
            session_free(s);
    }
    if (errno == EMFILE || errno == ENFILE) {
        perror("light: accept");
        exit(1);
    }
}

static void light_deliver(struct light *l)
{
    char octet;

    l->ended = read(STDIN_FILENO, &octet, 1) <= 0;
    if (l->ended)
        return;
    if (!light_mail_deliver(&l->mail)) {
        perror("light: deliver");
        exit(1);
    }
    printf("%u\n", l->mail.messages);
    fflush(stdout);
}

static void light_turn(struct light *l, void *who)
{
    if (who == &listening)
        light_accept(l);
    else if (who == &standard_input)
        light_deliver(l);
    else if (!session_run(l, who))
        session_free(who);
}

static void light_run(struct light *l)
{
    struct epoll_event events[EVENTS];

    while (!l->ended) {
        int n = epoll_wait(l->epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++)
            light_turn(l, events[i].data.ptr);
    }
}

static bool light_listen(struct light *l)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof own;

    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->epoll < 0 || l->listener < 0 ||
        bind(l->listener, (struct sockaddr *)&own, sizeof own) != 0 ||
        listen(l->listener, SOMAXCONN) != 0 ||
        getsockname(l->listener, (struct sockaddr *)&own, &size) != 0 ||
        !light_watch(l, EPOLL_CTL_ADD, l->listener, EPOLLIN, &listening) ||
        !light_watch(l, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, &standard_input))
        return false;
    printf("%u\n", ntohs(own.sin_port));
    return fflush(stdout) == 0;
}

/* An idle session holds no buffers of OpenSSL's. */
static bool light_tls(struct light *l, const char *certificate, const char *key)
{
    l->tls = SSL_CTX_new(TLS_server_method());
    if (!l->tls || SSL_CTX_use_certificate_chain_file(l->tls, certificate) != 1 ||
        SSL_CTX_use_PrivateKey_file(l->tls, key, SSL_FILETYPE_PEM) != 1)
        return false;
    SSL_CTX_set_mode(l->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
    return true;
}

static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
    struct light l = {0};

    if (argc > 1)
        l.protocol = strcmp(argv[1], "imap") == 0   ? &light_imap
                     : strcmp(argv[1], "pop3") == 0 ? &light_pop3
                                                    : NULL;
    if (!l.protocol || (argc != 4 && argc != 6)) {
        fprintf(stderr, "usage: light imap|pop3 MESSAGES OCTETS [CERTIFICATE KEY]\n");
        return 2;
    }
    raise_descriptors();
    if (!light_mail_init(&l.mail, (uint32_t)atoi(argv[2]), strtoul(argv[3], NULL, 10)) ||
        (argc == 6 && !light_tls(&l, argv[4], argv[5])) || !light_listen(&l)) {
        fprintf(stderr, "light: could not start: %s\n", strerror(errno));
        return 1;
    }
    light_run(&l);
    return 0;
}
