/* Common code of the hostile programs. Each row of the table names an ATTACK, which prints one line per attempt. All
 * attacks are linked into one static executable; its first argument names the attack to run. */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>

typedef int (*attack_fn)(int argc, char **argv);
void kit_register(const char *name, attack_fn run);

/* Defines attack `id`; `argv[0]` is the first argument after the attack's name. */
#define ATTACK(id)                                                             \
  static int attack_##id(int argc, char **argv);                               \
  __attribute__((constructor)) static void register_##id(void) {               \
    kit_register(#id, attack_##id);                                            \
  }                                                                            \
  static int attack_##id(__attribute__((unused)) int argc,                     \
                         __attribute__((unused)) char **argv)

/* Prints `what: OK` or `what: ERRNO`. Unbuffered, so that a fork never duplicates a line. */
static inline void say(const char *what, long result) {
  dprintf(1, "%s: %s\n", what, result >= 0 ? "OK" : strerrorname_np(errno));
}

/* Evaluates an expression that returns -1 and sets errno if it is refused. */
#define TRY(what, ...)                                                         \
  do {                                                                         \
    errno = 0;                                                                 \
    long result_ = (long)(__VA_ARGS__);                                        \
    say(what, result_);                                                        \
  } while (0)

#define MIB (1024L * 1024L)

/* Burns CPU forever. */
static inline void spin(void) {
  for (volatile unsigned long n = 0;; n++) {
  }
}

/* CPU time of this process (or thread) in ns. */
static inline long cpu_ns(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* Burns `ms` of CPU time on this clock; returns the clock's CPU time since its start, in ns. */
static inline long burn_ms(clockid_t clock, long ms) {
  long until = cpu_ns(clock) + ms * 1000000L;
  while (cpu_ns(clock) < until) {
  }
  return cpu_ns(clock);
}

static inline int write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0)
    return -1;
  long n = write(fd, text, strlen(text));
  int saved = errno;
  close(fd);
  errno = saved;
  return n < 0 ? -1 : 0;
}
