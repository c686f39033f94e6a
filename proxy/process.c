#include "proxy/process.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "proxy/log.h"
#include "translate/sasl/sasl_mechanism.h"

void process_fill_standard(void)
{
    int fd = open("/dev/null", O_RDWR);

    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd >= 0)
        close(fd);
}

/* A session needs two descriptors; the soft limit that shells give is for programs that use
 * select(). */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_message(LOG_WARNING, "process", "the limit of open files stays as it is: %s",
                    strerror(errno));
}

/* The core limit does not hold where cores are piped to a program: so the process is also made one
 * of which no core is taken. */
static void forbid_cores(void)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
        log_message(LOG_WARNING, "process", "core files cannot be forbidden: %s", strerror(errno));
}

void process_prepare(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    raise_descriptors();
    forbid_cores();
    if (!sasl_set_up())
        log_message(LOG_WARNING, "process", "no memory for the SASL library: logins may fail");
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGXFSZ, &ignore, NULL); /* a file beyond the limit is a failed write, no death */
    /* Lookups and syncs wait rather than compute: libuv's four threads would make them queue. */
    if (setenv("UV_THREADPOOL_SIZE", "16", 0) < 0)
        log_message(LOG_WARNING, "process", "the thread pool stays small: %s", strerror(errno));
}

void process_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

unsigned process_cores(void)
{
    unsigned cores = uv_available_parallelism();

    return cores ? cores : 1;
}
