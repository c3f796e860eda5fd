/* Attacks by unusual use of ordinary calls: execution, descriptors, output, core dumps. This file also has the programs
 * that test how the sandbox measures and reports. */
#include "kit.h"
#include <sys/prctl.h>

ATTACK(flood) {
  static char block[65536];
  memset(block, 'x', sizeof block);
  int fd = atoi(argv[0]);
  for (;;)
    if (write(fd, block, sizeof block) < 0)
      return 1;
}

ATTACK(flood_both_by_daemons) {
  static char block[65536];
  int met[2][2];
  pipe(met[0]);
  pipe(met[1]);
  for (int fd = 1; fd <= 2; fd++)
    if (fork() == 0) {
      setsid();
      /* Each daemon fills its stream up to the limit; then both flood together. */
      for (size_t at = 0; at < sizeof block;)
        at += write(fd, block, sizeof block - at);
      write(met[fd - 1][1], "", 1);
      read(met[2 - fd][0], block, 1);
      for (;;)
        write(fd, block, sizeof block);
    }
  pause();
  return 0;
}

/* Ignores SIGPIPE; writes output with calls other than write. */
ATTACK(flood_by_splice) {
  int zero = open("/dev/zero", O_RDONLY), file = open("/box/zeros", O_RDWR | O_CREAT, 0600);
  if (ftruncate(file, 65536) < 0)
    return 2;
  signal(SIGPIPE, SIG_IGN);
  for (;;)
    // Kernels before 6.5 splice from files, but not from this device.
    if (splice(zero, NULL, 1, NULL, 65536, 0) < 0 && splice(file, &(loff_t){0}, 1, NULL, 65536, 0) < 0)
      return 1;
}

ATTACK(endless_arguments) {
  /* 100 KiB fit; 60 MiB do not. */
  size_t size = 100 * 1024;
  char *small = malloc(size + 1);
  memset(small, 'a', size);
  small[size] = 0;
  char *const fits[] = {"attacks", "exit", "0", small, NULL};
  int status, pid = fork();
  if (pid == 0) {
    execv("/proc/self/exe", fits);
    say("execv of 100 KiB", -1);
    _exit(1);
  }
  waitpid(pid, &status, 0);
  dprintf(1, "100 KiB: %s\n", status == 0 ? "OK" : "failed");
  char **many = calloc(600, sizeof *many);
  for (int i = 0; i < 599; i++)
    many[i] = small;
  TRY("60 MiB of arguments", execv("/proc/self/exe", many));
  char *const one[] = {"attacks", NULL};
  TRY("60 MiB of environment", execve("/proc/self/exe", one, many));
  return 0;
}

ATTACK(exit) { return atoi(argv[0]); }

ATTACK(exec_memfd) {
  int self = open("/proc/self/exe", O_RDONLY), fd = memfd_create("x", MFD_CLOEXEC);
  char block[65536];
  for (long n; (n = read(self, block, sizeof block)) > 0;)
    write(fd, block, n);
  char *const args[] = {"attacks", "who_am_i", NULL}, *const none[] = {NULL};
  fexecve(fd, args, none);
  say("fexecve", -1);
  return 1;
}

/* Executes a copy of itself that is deleted. */
ATTACK(exec_deleted) {
  int self = open("/proc/self/exe", O_RDONLY), fd = open("/box/copy", O_WRONLY | O_CREAT, 0755);
  char block[65536];
  for (long n; (n = read(self, block, sizeof block)) > 0;)
    write(fd, block, n);
  close(fd);
  int copy = open("/box/copy", O_RDONLY | O_CLOEXEC);
  unlink("/box/copy");
  char *const args[] = {"attacks", "exit", "12", NULL}, *const none[] = {NULL};
  fexecve(copy, args, none);
  return 1;
}

ATTACK(close_everything) {
  for (int fd = 0; fd < 1024; fd++)
    close(fd);
  return 5;
}

/* Fills the descriptor table and prints its size. */
ATTACK(descriptors_to_the_limit) {
  int n = 3;
  while (open("/dev/null", O_RDONLY) >= 0)
    n++;
  say("open", -1);
  dprintf(1, "open: %d\n", n);
  return 0;
}

ATTACK(core_dump) {
  struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY}, none = {0, 0}, now;
  TRY("raise", setrlimit(RLIMIT_CORE, &more));
  /* With the limit 0, the kernel would pipe the dump to a program of the host. */
  TRY("lower", setrlimit(RLIMIT_CORE, &none));
  TRY("lower directly", syscall(SYS_setrlimit, RLIMIT_CORE, &none));
  TRY("read", getrlimit(RLIMIT_CORE, &now));
  dprintf(1, "limit: %ld, %ld\n", (long)now.rlim_cur, (long)now.rlim_max);
  TRY("dumpable", prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
  int status, pid = fork();
  if (pid == 0)
    abort();
  waitpid(pid, &status, 0);
  dprintf(1, "signal: %d, dumped: %s\n", WTERMSIG(status), WCOREDUMP(status) ? "yes" : "no");
  DIR *box = opendir("/box");
  int files = 0;
  for (struct dirent *e; (e = readdir(box));)
    files += e->d_name[0] != '.';
  dprintf(1, "files: %d\n", files);
  return 0;
}

ATTACK(ignore_input) { return 0; }
ATTACK(count_input) {
  static char block[65536];
  long total = 0, sum = 0;
  for (long n; (n = read(0, block, sizeof block)) > 0; total += n)
    for (long i = 0; i < n; i++)
      sum += (unsigned char)block[i];
  dprintf(1, "%ld bytes, sum %ld\n", total, sum);
  return 0;
}
/* Closes its input with most of it unread, and keeps running for a while. */
ATTACK(close_input) {
  close(0);
  burn_ms(CLOCK_PROCESS_CPUTIME_ID, 20);
  return 0;
}

ATTACK(streams_by_name) {
  TRY("/dev/stdin", open("/dev/stdin", O_RDONLY));
  int out = open("/dev/stdout", O_WRONLY), err = open("/dev/stderr", O_WRONLY);
  say("/dev/stdout", out);
  say("/dev/stderr", err);
  TRY("/proc/self/fd/1", open("/proc/self/fd/1", O_WRONLY));
  return 0;
}

/* --- programs that test how the end is reported --- */

ATTACK(kill_self) {
  signal(atoi(argv[0]), SIG_DFL);
  dprintf(1, "now\n");
  kill(getpid(), atoi(argv[0]));
  pause();
  return 0;
}

ATTACK(fault) {
  volatile int zero = 0;
  switch (atoi(argv[0])) {
  case SIGSEGV:
    *(volatile int *)8 = 1;
    break;
  case SIGFPE:
    zero = 7 / zero;
    break;
  case SIGILL:
    __asm__ volatile("ud2");
    break;
  case SIGABRT:
    abort();
  case SIGTRAP:
    __asm__ volatile("int3");
    break;
  case SIGBUS: {
    int fd = open("/box/short", O_RDWR | O_CREAT, 0644);
    ftruncate(fd, 4096);
    volatile char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    p[5000] = 1;
    break;
  }
  }
  return 99;
}

/* --- programs that test how usage is measured --- */

/* argv: ms. Prints the process's own CPU time in ns. */
ATTACK(spin_for) {
  dprintf(1, "%ld\n", burn_ms(CLOCK_PROCESS_CPUTIME_ID, atol(argv[0])));
  return 0;
}

static long thread_ms;
static void *spin_in_thread(void *arg) {
  burn_ms(CLOCK_THREAD_CPUTIME_ID, thread_ms);
  return arg;
}
ATTACK(spin_threads) {
  pthread_t threads[4];
  thread_ms = atol(argv[0]) / 4;
  for (int i = 0; i < 4; i++)
    pthread_create(&threads[i], NULL, spin_in_thread, NULL);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], NULL);
  dprintf(1, "%ld\n", cpu_ns(CLOCK_PROCESS_CPUTIME_ID));
  return 0;
}

static long children_ns(void) {
  struct rusage u;
  getrusage(RUSAGE_CHILDREN, &u);
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000L + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000L;
}
ATTACK(spin_children) {
  for (int i = 0; i < 4; i++)
    if (fork() == 0) {
      burn_ms(CLOCK_PROCESS_CPUTIME_ID, atol(argv[0]) / 4);
      _exit(0);
    }
  while (wait(NULL) > 0) {
  }
  dprintf(1, "%ld\n", cpu_ns(CLOCK_PROCESS_CPUTIME_ID) + children_ns());
  return 0;
}
/* Grandchildren whose parents have exited, so no process of the program waits for them. They report over a pipe. */
ATTACK(spin_orphans) {
  int ends[2];
  pipe(ends);
  for (int i = 0; i < 4; i++)
    if (fork() == 0) {
      if (fork())
        _exit(0);
      setsid();
      long ns = burn_ms(CLOCK_PROCESS_CPUTIME_ID, atol(argv[0]) / 4);
      write(ends[1], &ns, sizeof ns);
      _exit(0);
    }
  while (wait(NULL) > 0) {
  }
  long total = 0, ns;
  for (int i = 0; i < 4; i++)
    read(ends[0], &ns, sizeof ns), total += ns;
  dprintf(1, "%ld\n", total + cpu_ns(CLOCK_PROCESS_CPUTIME_ID) + children_ns());
  return 0;
}

/* argv: kind, MiB. */
ATTACK(touch) {
  long bytes = atol(argv[1]) * MIB;
  char *p = NULL;
  if (!strcmp(argv[0], "private"))
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  else if (!strcmp(argv[0], "shared"))
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  else {
    int fd = !strcmp(argv[0], "memfd") ? memfd_create("x", 0) : open("/tmp/file", O_RDWR | O_CREAT, 0644);
    ftruncate(fd, bytes);
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  }
  if (p == MAP_FAILED)
    return 1;
  for (long at = 0; at < bytes; at += 4096)
    p[at] = 1;
  /* Freed before the end. The reported figure must still include it, because it is the peak. */
  munmap(p, bytes);
  return 0;
}

/* argv: ms. Prints the duration of its sleep, in ns. */
ATTACK(sleep_for) {
  long start = cpu_ns(CLOCK_MONOTONIC);
  usleep(atol(argv[0]) * 1000);
  dprintf(1, "%ld\n", cpu_ns(CLOCK_MONOTONIC) - start);
  return 0;
}

/* argv: MiB on standard output, MiB on standard error. The pattern reveals loss and reordering. */
ATTACK(pour) {
  static unsigned char block[1 << 20];
  for (int fd = 1; fd <= 2; fd++)
    for (long n = 0; n < atol(argv[fd - 1]); n++) {
      for (long i = 0; i < MIB; i++)
        block[i] = (unsigned char)(i * 7 + n + fd);
      for (long at = 0; at < MIB;)
        at += write(fd, block + at, MIB - at);
    }
  return 0;
}
ATTACK(all_bytes) {
  for (int i = 0; i < 256; i++)
    write(1, &(unsigned char){i}, 1), write(2, &(unsigned char){255 - i}, 1);
  return 0;
}

/* Lists the files below a directory: path, size, mode, owner. */
static void list(const char *dir) {
  struct dirent **names;
  int n = scandir(dir, &names, NULL, alphasort);
  for (int i = 0; i < n; i++) {
    char path[PATH_MAX];
    struct stat st;
    if (!strcmp(names[i]->d_name, ".") || !strcmp(names[i]->d_name, ".."))
      continue;
    snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
    lstat(path, &st);
    if (S_ISDIR(st.st_mode))
      list(path);
    else
      dprintf(1, "%s %ld %o %d\n", path, (long)st.st_size, st.st_mode & 07777, st.st_uid);
  }
}
ATTACK(list_box) {
  list("/box");
  return 0;
}
/* Changes and deletes given files, and adds new ones. */
ATTACK(edit_box) {
  int bad = write_file("/box/in/changed", "changed");
  bad |= unlink("/box/in/deleted");
  bad |= mkdir("/box/out", 0755) | write_file("/box/out/new", "new");
  bad |= chmod("/box/out/new", 0755);
  bad |= write_file("/tmp/elsewhere", "not collected");
  return bad;
}

/* Starts children that keep running, prints a line, and exits. */
ATTACK(leave_children) {
  if (fork() == 0)
    spin();
  if (fork() == 0)
    pause();
  dprintf(1, "exiting\n");
  return 6;
}

/* A thread other than the main one executes a program: the process keeps its id and exits once. */
static void *exec_in_thread(void *arg) {
  char *const args[] = {"attacks", "exit", "12", NULL}, *const none[] = {NULL};
  execve("/proc/self/exe", args, none);
  return arg;
}
ATTACK(exec_from_thread) {
  pthread_t thread;
  pthread_create(&thread, NULL, exec_in_thread, NULL);
  for (;;)
    pause();
}

/* Flushes the host's disks repeatedly. The filter returns success without flushing, even for a bad descriptor. */
ATTACK(flush_storm) {
  sync();
  int fd = open("/usr/bin/env", O_RDONLY);
  TRY("fsync of a host file", fsync(fd));
  TRY("fdatasync of a host file", fdatasync(fd));
  TRY("syncfs of the host's disk", syncfs(fd));
  TRY("fsync of a bad descriptor", fsync(-1));
  TRY("fdatasync of a bad descriptor", fdatasync(-1));
  TRY("syncfs of a bad descriptor", syncfs(-1));
  TRY("sync_file_range of a bad descriptor", sync_file_range(-1, 0, 0, 0));
  void *mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  munmap(mapped, 4096);
  TRY("MS_SYNC of unmapped memory", msync(mapped, 4096, MS_SYNC));
  TRY("MS_ASYNC of unmapped memory", msync(mapped, 4096, MS_ASYNC));
  int own = open("/box/f", O_RDWR | O_CREAT, 0644);
  TRY("write", write(own, "x", 1));
  TRY("fsync", fsync(own));
  return 0;
}
