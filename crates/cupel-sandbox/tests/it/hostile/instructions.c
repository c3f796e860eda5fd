/* Work of a known amount, in every shape of process tree, and attempts to avoid being counted. The first argument is
 * the kind of event: `f`, page faults; `i`, instructions. The second is the number. */
#include "kit.h"
#include <sys/prctl.h>

static void page_faults(long count) {
  char *pages = mmap(0, count * 4096 + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  madvise(pages, count * 4096 + 1, MADV_NOHUGEPAGE);
  for (long page = 0; page < count; page++)
    ((volatile char *)pages)[page * 4096] = 1;
  munmap(pages, count * 4096 + 1);
}

static void instructions(long count) {
#ifdef __x86_64__
  long rounds = count / 2 + 1;
  __asm__ volatile("1: dec %0\n jnz 1b" : "+r"(rounds));
#else
  for (volatile long done = 0; done < count / 6; done++) {
  }
#endif
}

static void work(char **argv) {
  (argv[0][0] == 'f' ? page_faults : instructions)(atol(argv[1]));
}

static void *work_in_thread(void *argv) {
  work(argv);
  return 0;
}

ATTACK(count_main) {
  work(argv);
  return 0;
}

ATTACK(count_threads) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++)
    pthread_create(&threads[i], 0, work_in_thread, argv);
  for (int i = 0; i < 4; i++)
    pthread_join(threads[i], 0);
  return 0;
}

ATTACK(count_children) {
  for (int i = 0; i < 4; i++)
    if (fork() == 0) {
      work(argv);
      _exit(0);
    }
  while (wait(0) > 0) {
  }
  return 0;
}

/* The cell's init reaps the orphans; the program is only notified that they have finished. */
ATTACK(count_orphans) {
  int ends[2];
  if (pipe(ends) < 0)
    return 1;
  for (int i = 0; i < 4; i++)
    if (fork() == 0) {
      if (fork() == 0)
        work(argv);
      _exit(0);
    }
  close(ends[1]);
  char byte;
  return (int)read(ends[0], &byte, 1);
}

/* A program cannot switch its counter off. */
ATTACK(count_switched_off) {
  TRY("disable", prctl(31, 0, 0, 0, 0));
  work(argv);
  TRY("enable", prctl(32, 0, 0, 0, 0));
  return 0;
}

ATTACK(count_forever) {
  for (;;)
    work(argv);
}

/* The kernel does not count an executable that its user may not read. */
ATTACK(count_unreadable) {
  static char block[65536];
  int from = open("/proc/self/exe", O_RDONLY), to = open("hidden", O_WRONLY | O_CREAT, 0111);
  for (long n; (n = read(from, block, sizeof block)) > 0;)
    if (write(to, block, n) != n)
      return 1;
  close(to);
  execl("./hidden", "hidden", "spin_for", argv[1], (char *)0);
  return 1;
}

/* Two processes that pass a byte back and forth. */
ATTACK(ping_pong) {
  int there[2], back[2];
  if (pipe(there) < 0 || pipe(back) < 0)
    return 1;
  int other = fork() == 0;
  int from = other ? there[0] : back[0], to = other ? back[1] : there[1];
  char byte = 0;
  for (long left = atol(argv[0]); left > 0; left--)
    if (!other ? write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1 : read(from, &byte, 1) != 1 || write(to, &byte, 1) != 1)
      return 1;
  return 0;
}
