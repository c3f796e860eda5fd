/* Attacks that use every kind of memory. */
#include "kit.h"
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

ATTACK(malloc_bomb) {
  for (;;) {
    char *p = malloc(MIB);
    if (!p)
      return 1;
    memset(p, 1, MIB);
  }
}

static void map_bomb(int flags) {
  for (;;) {
    char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
      _exit(1);
    memset(p, 1, MIB);
  }
}
ATTACK(mmap_private_bomb) { map_bomb(MAP_PRIVATE); return 0; }
ATTACK(mmap_shared_bomb) { map_bomb(MAP_SHARED); return 0; }
ATTACK(mmap_populate_bomb) { map_bomb(MAP_PRIVATE | MAP_POPULATE); return 0; }

static void *touch_stack(void *arg) {
  volatile char space[6 * MIB];
  for (long at = 0; at < 6 * MIB; at += 4096)
    space[at] = 1;
  pause();
  return space[4096] ? arg : NULL;
}
ATTACK(thread_stacks) {
  pthread_t thread;
  for (int i = 0; i < 24; i++)
    if (pthread_create(&thread, NULL, touch_stack, NULL))
      return 1;
  pause();
  return 0;
}

/* Each child holds less than the limit; together they exceed it. */
ATTACK(memory_of_children) {
  for (int i = 0; i < 20; i++)
    if (fork() == 0) {
      memset(malloc(6 * MIB), 1, 6 * MIB);
      pause();
    }
  while (wait(NULL) > 0) {
  }
  pause();
  return 0;
}

/* The child exceeds the limit; its parent continues and exits normally. */
ATTACK(child_bursts) {
  int status, pid = fork();
  if (pid == 0)
    map_bomb(MAP_PRIVATE);
  waitpid(pid, &status, 0);
  return 0;
}

ATTACK(memfd_bomb) {
  static char block[65536];
  int fd = memfd_create("bomb", 0);
  memset(block, 1, sizeof block);
  signal(SIGXFSZ, SIG_IGN);
  for (;;)
    if (write(fd, block, sizeof block) < 0) {
      fd = memfd_create("bomb", 0);
      if (fd < 0)
        return 1;
    }
}

ATTACK(sysv_shm_bomb) {
  for (;;) {
    int id = shmget(IPC_PRIVATE, 4 * MIB, IPC_CREAT | 0600);
    char *p = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
    if (p == (void *)-1)
      return 1;
    memset(p, 1, 4 * MIB);
    shmdt(p);
  }
}

/* Kernel memory: full socket buffers. */
ATTACK(socket_buffer_bomb) {
  static char block[16384];
  for (int child = 0; child < 30; child++)
    if (fork() == 0) {
      for (int i = 0; i < 28; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair))
          break;
        while (write(pair[0], block, sizeof block) > 0) {
        }
      }
      pause();
    }
  pause();
  return 0;
}

ATTACK(pipe_buffer_bomb) {
  static char block[65536];
  if (fcntl(1, F_SETPIPE_SZ, 1 << 20) != -1)
    say("enlarged the server's pipe", 0);
  for (int child = 0; child < 30; child++)
    if (fork() == 0) {
      for (int i = 0; i < 28; i++) {
        int ends[2];
        if (pipe2(ends, O_NONBLOCK))
          break;
        while (write(ends[1], block, sizeof block) > 0) {
        }
      }
      pause();
    }
  pause();
  return 0;
}

/* Reads a file several times as large as the memory limit, with read and with mmap. The kernel can reclaim page cache,
 * so no limit is exceeded. */
ATTACK(page_cache_read) {
  static char block[1 << 20];
  int fd = open(argv[0], O_RDONLY);
  long total = 0, n;
  while ((n = read(fd, block, sizeof block)) > 0)
    total += n;
  dprintf(1, "read %ld MiB\n", total / MIB);
  return 0;
}
ATTACK(page_cache_mmap) {
  int fd = open(argv[0], O_RDONLY);
  struct stat st;
  fstat(fd, &st);
  volatile char *p = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
  long sum = 0;
  for (long at = 0; at < st.st_size; at += 4096)
    sum += p[at];
  dprintf(1, "mapped %ld MiB, sum %ld\n", st.st_size / MIB, sum);
  return 0;
}

/* Reserved address space is not used memory: language runtimes reserve terabytes. */
ATTACK(reserve_a_terabyte) {
  char *p = mmap(NULL, 1L << 40, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  say("mmap", p == MAP_FAILED ? -1 : 0);
  p[5] = 1;
  return 0;
}

ATTACK(lock_memory) {
  TRY("mlockall", mlockall(MCL_CURRENT | MCL_FUTURE));
  void *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TRY("mlock of 1 MiB", mlock(p, MIB));
  TRY("MAP_LOCKED", mmap(NULL, MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) == MAP_FAILED ? -1 : 0);
  TRY("MAP_HUGETLB", mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0) == MAP_FAILED ? -1 : 0);
  return 0;
}

static int deeper(volatile char *above) {
  volatile char here[4096];
  here[0] = above[0];
  return deeper(here) + here[0];
}
ATTACK(endless_recursion) {
  char start[1] = {0};
  return deeper(start);
}

/* Writes a file in a tmpfs until an error occurs or it has `max` bytes. All tmpfs of the cell share one limit. Prints
 * the error and returns the number of bytes. */
static long fill(const char *path, long max) {
  static char block[65536];
  int fd = open(path, O_WRONLY | O_CREAT, 0644);
  long total = 0;
  while (total < max) {
    long n = write(fd, block, sizeof block);
    if (n < 0) {
      say(path, n);
      break;
    }
    total += n;
  }
  return total;
}
ATTACK(disk_fill) {
  long total = 0;
  signal(SIGXFSZ, SIG_IGN);
  total += fill("/box/a", 12 * MIB);
  total += fill("/tmp/b", 12 * MIB);
  total += fill("/dev/shm/c", 100 * MIB);
  total += fill("/box/d", MIB);
  dprintf(1, "MiB in total: %ld\n", total / MIB);
  return 0;
}
ATTACK(disk_fill_at_once) {
  int fd = open("/box/big", O_WRONLY | O_CREAT, 0644);
  TRY("fallocate", fallocate(fd, 0, 0, 15 * MIB));
  fd = open("/box/bigger", O_WRONLY | O_CREAT, 0644);
  TRY("fallocate", fallocate(fd, 0, 0, 15 * MIB));
  fd = open("/box/biggest", O_WRONLY | O_CREAT, 0644);
  TRY("fallocate", fallocate(fd, 0, 0, 15 * MIB));
  return 0;
}
/* Deleted files count as long as they are open. */
ATTACK(deleted_files) {
  static char block[65536];
  long total = 0;
  for (int i = 0; i < 50; i++) {
    int fd = open("/tmp/x", O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0)
      break;
    unlink("/tmp/x");
    for (int n = 0; n < 32; n++)
      if (write(fd, block, sizeof block) > 0)
        total += sizeof block;
  }
  say("write", -1);
  dprintf(1, "MiB in total: %ld\n", total / MIB);
  return 0;
}

ATTACK(inode_fill) {
  int made = 0;
  for (int i = 0; i < 100000; i++, made++) {
    char path[64];
    static const char *const where[] = {"/box", "/tmp", "/dev/shm"};
    sprintf(path, "%s/%d", where[i % 3], i);
    int r = i % 4 == 0 ? mkdir(path, 0755) : i % 4 == 1 ? symlink("x", path) : i % 4 == 2 ? mkfifo(path, 0644) : write_file(path, "");
    if (r < 0)
      break;
  }
  say("make", -1);
  dprintf(1, "made: %d\n", made);
  return 0;
}

ATTACK(file_too_large) {
  char block[65536] = {0};
  int fd = open("/box/large", O_WRONLY | O_CREAT, 0644);
  for (;;)
    if (write(fd, block, sizeof block) < 0)
      return 1;
}
ATTACK(file_too_large_ignored) {
  signal(SIGXFSZ, SIG_IGN);
  int fd = open("/box/large", O_RDWR | O_CREAT, 0644);
  TRY("ftruncate to 1 TiB", ftruncate(fd, 1L << 40));
  TRY("ftruncate to 16 MiB", ftruncate(fd, 16 * MIB));
  TRY("pwrite at 16 MiB", pwrite(fd, "x", 1, 16 * MIB));
  TRY("pwrite at 1 TiB", pwrite(fd, "x", 1, 1L << 40));
  TRY("fallocate", fallocate(fd, 0, 0, 17 * MIB));
  return 0;
}

/* The kernel caches names that do not exist (negative dentries); it can reclaim them, so no limit is exceeded. */
ATTACK(negative_dentries) {
  char path[PATH_MAX];
  struct stat st;
  for (int i = 0; i < 300000; i++) {
    /* In a directory that only this suite uses, so that no other process contends for its lock. */
    snprintf(path, sizeof path, "%s-no-such-file-%d", argv[0], i);
    stat(path, &st);
  }
  say("stat", -1);
  return 0;
}

/* Sparse pages: the page tables use as much memory as the pages. */
ATTACK(page_table_bomb) {
  long size = 1L << 40;
  char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  madvise(p, size, MADV_NOHUGEPAGE);
  for (long at = 0; at < size; at += 2 * MIB)
    p[at] = 1;
  return 0;
}

/* Splits one mapping into many, until the kernel refuses. */
ATTACK(mapping_bomb) {
  char *p = mmap(NULL, 1L << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  long made = 0;
  for (long at = 0; at < 1L << 30; at += 8192, made++)
    if (mprotect(p + at, 4096, PROT_NONE))
      break;
  say("mprotect", -1);
  dprintf(1, "fewer than 70000: %s\n", made < 70000 ? "yes" : "no");
  return 0;
}

ATTACK(message_bomb) {
  static struct { long type; char text[8000]; } message = {1, ""};
  for (int i = 0; i < 32000; i++) {
    int q = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    while (msgsnd(q, &message, sizeof message.text, IPC_NOWAIT) == 0) {
    }
  }
  return 0;
}

ATTACK(semaphore_bomb) {
  for (int i = 0; i < 32000; i++)
    if (semget(IPC_PRIVATE, 30000, IPC_CREAT | 0600) < 0)
      return 1;
  return 0;
}
