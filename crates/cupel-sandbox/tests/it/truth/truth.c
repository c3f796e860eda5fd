/* Programs that measure their own usage. The first two arguments name the work. At the end the program prints its
 * usage: `cpu NS` (of this process, its threads and all its descendants) and `memory BYTES` (the maximum that was
 * touched and held at the same time). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1024L * 1024L)

static long clock_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* Computes until `clock` has advanced by `ms`. */
static void burn(clockid_t clock, long ms) {
  for (long until = clock_of(clock) + ms * 1000000L; clock_of(clock) < until;) {
  }
}

static long own_cpu(void) { return clock_of(CLOCK_PROCESS_CPUTIME_ID); }

static long cpu_of_children(void) {
  struct rusage u;
  getrusage(RUSAGE_CHILDREN, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000L + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000L;
}

/* Prints the usage. Called last; does not allocate. */
static void tell(long cpu_of_others, long memory) {
  char text[96];
  int n = 0;
  if (memory >= 0)
    n = sprintf(text, "memory %ld\n", memory);
  n += sprintf(text + n, "cpu %ld\n", own_cpu() + cpu_of_children() + cpu_of_others);
  if (write(1, text, n) != n)
    _exit(99);
}

/* Anonymous memory and page tables of this process, in bytes. Does not allocate. */
static long held(void) {
  static char text[8192];
  long bytes = 0;
  const char *const places[][2] = {{"/proc/self/smaps_rollup", "\nAnonymous:"}, {"/proc/self/status", "\nVmPTE:"}};
  for (int i = 0; i < 2; i++) {
    int fd = open(places[i][0], O_RDONLY);
    long n = 0, more;
    while ((more = read(fd, text + n, sizeof text - 1 - n)) > 0)
      n += more;
    close(fd);
    text[n] = 0;
    char *at = strstr(text, places[i][1]);
    if (at == NULL)
      _exit(92);
    bytes += atol(at + strlen(places[i][1])) * 1024;
  }
  return bytes;
}

static void *must(void *p) {
  if (p == MAP_FAILED || p == NULL || p == (void *)-1)
    _exit(98);
  return p;
}

static void wait_for_all(void) {
  while (wait(NULL) > 0 || errno == EINTR) {
  }
}

static void *burn_in_thread(void *ms) {
  burn(CLOCK_THREAD_CPUTIME_ID, (long)ms);
  return NULL;
}

/* A shared page to which orphans add their CPU time. */
struct shares {
  atomic_long cpu, ended;
};
static struct shares *shared_page(void) {
  return must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}
static void await_orphans(struct shares *s, long n) {
  struct timespec ms = {0, 1000000};
  while (s->ended < n)
    nanosleep(&ms, NULL);
}

static char *fill(char *p, long bytes) {
  for (long at = 0; at < bytes; at += 4096)
    p[at] = 1 + at % 251;
  return p;
}

static char *anonymous(long bytes, int how) {
  return fill(must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS, -1, 0)), bytes);
}

static int new_file(const char *path, long bytes) {
  int fd = strcmp(path, "memfd") ? open(path, O_RDWR | O_CREAT | O_TRUNC, 0600) : memfd_create("m", 0);
  char block[65536];
  memset(block, 7, sizeof block);
  for (long at = 0; at < bytes; at += sizeof block)
    if (write(fd, block, sizeof block) != sizeof block)
      _exit(97);
  return fd;
}

static long deep(long left) {
  volatile char frame[65536];
  for (long at = 0; at < (long)sizeof frame; at += 4096)
    frame[at] = 1;
  return left > (long)sizeof frame ? deep(left - sizeof frame) + frame[0] : 1;
}

/* Counts the threads that have touched their stack. */
static sem_t stacks_used;

static void *use_stack(void *bytes) {
  deep((long)bytes);
  sem_post(&stacks_used);
  pause();
  return NULL;
}

static void read_through(const char *path, int mapped) {
  int fd = open(path, O_RDONLY);
  struct stat st;
  if (fd < 0 || fstat(fd, &st) < 0)
    _exit(96);
  static char block[65536];
  volatile char sum = 0;
  if (mapped) {
    char *p = must(mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0));
    for (long at = 0; at < st.st_size; at += 4096)
      sum += p[at];
    return;
  } else {
    while (read(fd, block, sizeof block) > 0) {
    }
  }
  close(fd);
}

static int cpu(const char *what, long ms, char **argv) {
  if (!strcmp(what, "spin"))
    burn(CLOCK_PROCESS_CPUTIME_ID, ms);
  else if (!strcmp(what, "sleep"))
    usleep(ms * 1000);
  else if (!strcmp(what, "threads")) {
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
      pthread_create(&t[i], NULL, burn_in_thread, (void *)ms);
    for (int i = 0; i < 4; i++)
      pthread_join(t[i], NULL);
  } else if (!strcmp(what, "children") || !strcmp(what, "grandchildren")) {
    for (int i = 0; i < 4; i++)
      if (fork() == 0) {
        if (what[0] == 'g' && fork() > 0)
          wait_for_all();
        else
          burn(CLOCK_PROCESS_CPUTIME_ID, ms);
        _exit(0);
      }
    wait_for_all();
  } else if (!strcmp(what, "relay")) {
    for (int i = 0; i < 40; i++) {
      if (fork() == 0) {
        burn(CLOCK_PROCESS_CPUTIME_ID, ms);
        _exit(0);
      }
      wait_for_all();
    }
  } else if (!strcmp(what, "orphans") || !strcmp(what, "sessions")) {
    struct shares *s = shared_page();
    for (int i = 0; i < 4; i++)
      if (fork() == 0) {
        if (what[0] == 's')
          setsid();
        if (fork() == 0) {
          burn(CLOCK_PROCESS_CPUTIME_ID, ms);
          s->cpu += own_cpu();
          s->ended++;
        }
        _exit(0);
      }
    wait_for_all();
    await_orphans(s, 4);
    tell(s->cpu, -1);
    return 0;
  } else if (!strcmp(what, "kernel")) {
    int zero = open("/dev/zero", O_RDONLY);
    static char block[65536];
    for (long until = own_cpu() + ms * 1000000L; own_cpu() < until;)
      if (read(zero, block, sizeof block) <= 0)
        _exit(95);
  } else if (!strcmp(what, "exec")) {
    /* One process that executes twenty programs. */
    burn(CLOCK_PROCESS_CPUTIME_ID, 2);
    if (ms > 1) {
      char left[32];
      sprintf(left, "%ld", ms - 1);
      execl(argv[0], argv[0], "cpu", "exec", left, (char *)NULL);
      _exit(94);
    }
  } else if (!strcmp(what, "ignored")) {
    /* Children that nobody waits for. The kernel reaps them, so only the cell's accounting includes their CPU time. */
    signal(SIGCHLD, SIG_IGN);
    struct shares *s = shared_page();
    for (int i = 0; i < 4; i++)
      if (fork() == 0) {
        burn(CLOCK_PROCESS_CPUTIME_ID, ms);
        s->cpu += own_cpu();
        s->ended++;
        _exit(0);
      }
    await_orphans(s, 4);
    tell(s->cpu, -1);
    return 0;
  } else
    return 255;
  tell(0, -1);
  return 0;
}

static int memory(const char *what, long mib, const char *path) {
  long bytes = mib * MIB, own = held(), told = bytes;
  if (!strcmp(what, "none"))
    told = 0;
  else if (!strcmp(what, "private"))
    anonymous(bytes, MAP_PRIVATE);
  else if (!strcmp(what, "shared"))
    anonymous(bytes, MAP_SHARED);
  else if (!strcmp(what, "heap"))
    for (long at = 0; at < bytes; at += 8192)
      fill(must(malloc(8192 - 16)), 8192 - 16);
  else if (!strcmp(what, "stack"))
    deep(bytes);
  else if (!strcmp(what, "file"))
    new_file(path, bytes);
  else if (!strcmp(what, "deleted")) {
    new_file(path, bytes);
    unlink(path);
  } else if (!strcmp(what, "mapped")) {
    /* A file that is mapped several times counts once. */
    int fd = new_file(path, bytes);
    for (int i = 0; i < 3; i++)
      fill(must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)), bytes);
  } else if (!strcmp(what, "copied")) {
    /* Both the file and a private copy of each of its pages count. */
    int fd = new_file(path, bytes);
    fill(must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0)), bytes);
    told = 2 * bytes;
  } else if (!strcmp(what, "sysv")) {
    int id = shmget(IPC_PRIVATE, bytes, IPC_CREAT | 0600);
    fill(must(shmat(id, NULL, 0)), bytes);
  } else if (!strcmp(what, "reserved")) {
    must(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    told = 0;
  } else if (!strcmp(what, "again")) {
    /* Allocates ten times in sequence; the peak is one allocation. */
    for (int i = 0; i < 10; i++)
      munmap(anonymous(bytes, MAP_PRIVATE), bytes);
  } else if (!strcmp(what, "falling")) {
    munmap(anonymous(bytes, MAP_PRIVATE), bytes);
    anonymous(bytes / 4, MAP_PRIVATE);
  } else if (!strcmp(what, "children")) {
    /* Four children at the same time. */
    struct shares *s = shared_page();
    for (int i = 0; i < 4; i++)
      if (fork() == 0) {
        anonymous(bytes / 4, MAP_PRIVATE);
        s->ended++;
        await_orphans(s, 4);
        _exit(0);
      }
    wait_for_all();
  } else if (!strcmp(what, "forked")) {
    /* Parent and child share pages until one of them writes; the child writes half of them. */
    char *p = anonymous(bytes, MAP_PRIVATE);
    if (fork() == 0) {
      fill(p, bytes / 2);
      _exit(0);
    }
    wait_for_all();
    told = bytes + bytes / 2;
  } else if (!strcmp(what, "threads")) {
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, bytes / 4 + 2 * MIB);
    sem_init(&stacks_used, 0, 0);
    pthread_t t;
    for (int i = 0; i < 4; i++)
      pthread_create(&t, &attr, use_stack, (void *)(bytes / 4));
    for (int i = 0; i < 4; i++)
      sem_wait(&stacks_used);
  } else if (!strcmp(what, "held_and_read") || !strcmp(what, "held_and_mapped")) {
    /* Reads a large toolchain file while it holds its own memory. */
    anonymous(bytes, MAP_PRIVATE);
    read_through(path, what[9] == 'm');
    /* The page tables of a mapping are charged to the process. */
    told = held() - own;
  } else if (!strcmp(what, "freed_and_read")) {
    munmap(anonymous(bytes, MAP_PRIVATE), bytes);
    read_through(path, 0);
  } else if (!strcmp(what, "read_and_held")) {
    read_through(path, 0);
    anonymous(bytes, MAP_PRIVATE);
  } else
    return 255;
  tell(0, own + told);
  return 0;
}

static int end(const char *how, long n) {
  if (!strcmp(how, "exit"))
    exit((int)n);
  if (!strcmp(how, "signal")) {
    kill(getpid(), (int)n);
    pause();
  }
  if (!strcmp(how, "fault")) {
    volatile int zero = 0;
    if (n == SIGSEGV)
      *(volatile int *)8 = 1;
    if (n == SIGFPE)
      return 7 / zero;
    if (n == SIGABRT)
      abort();
    if (n == SIGILL)
      __builtin_trap();
    if (n == SIGBUS) {
      int fd = new_file("/box/short", 0);
      char *p = must(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
      return p[0];
    }
  }
  if (!strcmp(how, "group")) {
    /* Kills itself and a child through their process group. */
    if (fork() == 0)
      pause();
    kill(0, (int)n);
    pause();
  }
  if (!strcmp(how, "everybody")) {
    /* kill(-1) reaches all processes it may signal except itself: its child. */
    int child = fork();
    if (child == 0)
      for (;;)
        pause();
    kill(-1, (int)n);
    int status;
    waitpid(child, &status, 0);
    return WTERMSIG(status);
  }
  if (!strcmp(how, "init")) {
    /* The cell's init runs as another user. */
    int refused = kill(1, (int)n) == -1 ? errno : 0;
    return refused == EPERM || refused == ESRCH ? 5 : 6;
  }
  if (!strcmp(how, "thread")) {
    pthread_t t;
    pthread_create(&t, NULL, use_stack, (void *)4096);
    pthread_kill(t, (int)n);
    pause();
  }
  if (!strcmp(how, "child")) {
    /* The child's signal does not end the parent. */
    int child = fork();
    if (child == 0) {
      raise((int)n);
      _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 255;
  }
  if (!strcmp(how, "no_memory")) {
    /* The process exceeds an address space limit that it set itself. So malloc fails, and there is no OOM event. */
    struct rlimit most = {64 * MIB, 64 * MIB};
    setrlimit(RLIMIT_AS, &most);
    return malloc(128 * MIB) == NULL ? (int)n : 0;
  }
  if (!strcmp(how, "child_out_of_memory")) {
    if (fork() == 0)
      for (;;)
        anonymous(MIB, MAP_PRIVATE);
    wait_for_all();
    return (int)n;
  }
  return 255;
}

/* Runs another program, prints the CPU time of both (and of the children for which that program waited), and ends with
 * that program's exit code or signal. */
static int measure(char **argv) {
  int child = fork();
  if (child == 0) {
    execvp(argv[0], argv);
    _exit(93);
  }
  int status;
  waitpid(child, &status, 0);
  tell(0, -1);
  if (WIFSIGNALED(status))
    raise(WTERMSIG(status));
  return WEXITSTATUS(status);
}

/* Prints a line, then runs until a limit ends it. */
static int forever(const char *what) {
  if (!strcmp(what, "hold")) {
    /* A neighbour with much memory and no work. */
    anonymous(48 * MIB, MAP_PRIVATE);
    tell(0, held());
    for (;;)
      pause();
  }
  if (write(1, "begun\n", 6) != 6)
    return 99;
  if (!strcmp(what, "spin"))
    for (volatile long i = 0;; i++) {
    }
  if (!strcmp(what, "threads")) {
    pthread_t t;
    for (int i = 0; i < 8; i++)
      pthread_create(&t, NULL, burn_in_thread, (void *)1000000L);
    for (;;)
      pause();
  }
  if (!strcmp(what, "children")) {
    for (int i = 0; i < 8; i++)
      if (fork() == 0)
        for (volatile long n = 0;; n++) {
        }
    for (;;)
      pause();
  }
  if (!strcmp(what, "sleep"))
    for (;;)
      pause();
  if (!strcmp(what, "memory"))
    for (;;)
      anonymous(MIB, MAP_PRIVATE);
  if (!strcmp(what, "files"))
    for (int i = 0;; i++) {
      char path[32];
      sprintf(path, "/dev/shm/f%d", i);
      new_file(path, MIB);
      anonymous(MIB, MAP_SHARED);
    }
  if (!strcmp(what, "output"))
    for (;;)
      puts("and on and on and on and on and on and on and on and on and on and on");
  return 255;
}

int main(int argc, char **argv) {
  if (argc < 3)
    return 255;
  if (!strcmp(argv[1], "measure"))
    return measure(argv + 2);
  /* With transparent huge pages, touching one byte allocates a whole huge page, which the program cannot measure. The
   * setting survives an exec. */
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  if (!strcmp(argv[1], "in_small_pages"))
    return execvp(argv[2], argv + 2);
  long n = argc > 3 ? atol(argv[3]) : 0;
  if (!strcmp(argv[1], "cpu"))
    return cpu(argv[2], n, argv);
  if (!strcmp(argv[1], "memory"))
    return memory(argv[2], n, argc > 4 ? argv[4] : "/box/file");
  if (!strcmp(argv[1], "end"))
    return end(argv[2], n);
  if (!strcmp(argv[1], "forever"))
    return forever(argv[2]);
  return 255;
}
