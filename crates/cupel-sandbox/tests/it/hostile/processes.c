/* Attacks by processes: fork bombs, daemons, orphans, unusual parents. */
#include "kit.h"
#include <sys/file.h>

ATTACK(fork_bomb) {
  for (;;)
    fork();
}

/* Forks until fork fails, and prints the number of children. */
ATTACK(fork_to_the_limit) {
  int made = 0;
  while (fork() ? (made++, 1) : (pause(), 0))
    if (made > 100)
      break;
    else if (errno == EAGAIN)
      break;
  made--;
  say("fork", -1);
  dprintf(1, "children: %d\n", made);
  return 0;
}

ATTACK(thread_bomb) {
  extern void *pause_thread(void *);
  int made = 0, error;
  pthread_t thread;
  while ((error = pthread_create(&thread, NULL, pause_thread, NULL)) == 0 && made < 1000)
    made++;
  dprintf(1, "pthread_create: %s\nthreads: %d\n", strerrorname_np(error), made);
  return 0;
}
void *pause_thread(void *arg) {
  pause();
  return arg;
}

/* Every process vforks and executes itself again. */
ATTACK(vfork_exec_bomb) {
  for (;;)
    if (vfork() == 0) {
      execl("/proc/self/exe", "attacks", "vfork_exec_bomb", NULL);
      _exit(1);
    }
}

ATTACK(exec_loop) {
  execl("/proc/self/exe", "attacks", "exec_loop", NULL);
  return 1;
}

/* As many processes as allowed, each of which holds as many locks on one file as it may have descriptors; then one
 * computes. To release a lock, the kernel searches all locks of the file. argv[0]: the lock operation (flock(2)). */
ATTACK(lock_storm) {
  int lock = atoi(argv[0]), pid;
  close(open("lock", O_WRONLY | O_CREAT, 0644));
  while ((pid = fork()) > 0) {
  }
  for (int fd; (fd = open("lock", O_RDONLY)) >= 0;)
    flock(fd, lock);
  if (pid < 0)
    spin();
  pause();
  return 0;
}

/* As many processes as allowed wait for one lock, while its holder computes. */
ATTACK(lock_queue) {
  int held = open("lock", O_RDONLY | O_CREAT, 0644);
  flock(held, LOCK_EX);
  for (int pid; (pid = fork()) >= 0;)
    if (pid == 0) {
      flock(open("lock", O_RDONLY), LOCK_EX);
      _exit(0);
    }
  spin();
  return 0;
}

/* Two processes that increment a number in a file, each time under a lock. argv[0]: the number of increments. */
ATTACK(locked_sum) {
  int times = atoi(argv[0]);
  write_file("sum", "0");
  int child = fork();
  int lock = open("lock", O_WRONLY | O_CREAT, 0644);
  for (int i = 0; i < times; i++) {
    char text[16] = "";
    flock(lock, LOCK_EX);
    int fd = open("sum", O_RDWR);
    read(fd, text, sizeof text - 1);
    sched_yield();
    lseek(fd, 0, SEEK_SET);
    dprintf(fd, "%d", atoi(text) + 1);
    close(fd);
    flock(lock, LOCK_UN);
  }
  if (child == 0)
    _exit(0);
  wait(NULL);
  char text[16] = "";
  read(open("sum", O_RDONLY), text, sizeof text - 1);
  dprintf(1, "sum: %s\n", text);
  TRY("an unknown lock operation", flock(lock, 32 | 64 /* LOCK_MAND | LOCK_READ */));
  TRY("shared", flock(lock, LOCK_SH));
  TRY("another", flock(open("lock", O_RDONLY), LOCK_EX | LOCK_NB));
  return 0;
}

/* Starts up to 200 processes that exit and are never waited for. */
ATTACK(zombies) {
  int made = 0;
  for (int i = 0; i < 200; i++) {
    int pid = fork();
    if (pid == 0)
      _exit(0);
    if (pid < 0)
      break;
    made++;
  }
  say("fork", -1);
  dprintf(1, "zombies: %d\n", made);
  return 0;
}

static void become_daemon(void) {
  if (fork())
    _exit(0);
  setsid();
  if (fork())
    _exit(0);
  for (int n = 1; n < 65; n++)
    signal(n, SIG_IGN);
}

/* Ten daemons that ignore all signals, keep the output open and write files, while their parent exits. */
ATTACK(daemons) {
  for (int i = 0; i < 10; i++)
    if (fork() == 0) {
      become_daemon();
      for (;;) {
        write_file("/tmp/daemon", "still here");
        usleep(100);
      }
    }
  while (wait(NULL) > 0) {
  }
  dprintf(1, "daemons started\n");
  return 0;
}

/* A chain of short-lived processes: each forks the next and exits. */
ATTACK(comet) {
  if (fork() == 0) {
    setsid();
    for (;;)
      if (fork() > 0)
        _exit(0);
  }
  usleep(2000);
  dprintf(1, "running\n");
  return 0;
}

/* Forks the same chain, while the program itself sleeps. The orphans' CPU time counts for the step. */
ATTACK(comet_and_sleep) {
  if (fork() == 0)
    for (;;)
      if (fork() > 0)
        _exit(0);
  pause();
  return 0;
}

/* CLONE_PARENT makes init the parent of these processes. They exit before the program, with other codes. */
ATTACK(siblings) {
  for (int code = 77; code < 80; code++) {
    long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
    if (pid == 0)
      _exit(code);
    say("clone(CLONE_PARENT)", pid);
  }
  usleep(20000);
  return 3;
}

/* The main thread exits: the process continues and ends with the other thread's code. */
static void *exit_later(void *arg) {
  usleep(30000);
  exit(7);
  return arg;
}
ATTACK(main_thread_exits) {
  pthread_t thread;
  pthread_create(&thread, NULL, exit_later, NULL);
  pthread_detach(thread);
  pthread_exit(NULL);
}

/* Detached threads that still run when the process exits. */
static void *spin_thread(void *arg) {
  spin();
  return arg;
}
ATTACK(detached_threads) {
  for (int i = 0; i < 8; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, spin_thread, NULL);
    pthread_detach(thread);
  }
  usleep(5000);
  dprintf(1, "exiting\n");
  return 9;
}

/* A subreaper that exits without waiting for its grandchildren. */
ATTACK(subreaper) {
  extern int prctl(int, ...);
  TRY("PR_SET_CHILD_SUBREAPER", prctl(36, 1));
  for (int i = 0; i < 5; i++)
    if (fork() == 0) {
      if (fork() == 0)
        spin();
      _exit(0);
    }
  usleep(5000);
  return 0;
}

/* A vfork child that never executes: its parent blocks in the kernel, and only SIGKILL ends it. */
ATTACK(vfork_and_sleep) {
  if (vfork() == 0)
    for (;;)
      pause();
  return 0;
}

ATTACK(stop_itself) {
  kill(getpid(), SIGSTOP);
  return 0;
}

/* A parent waits for its stopped child. */
ATTACK(stopped_child) {
  int pid = fork();
  if (pid == 0) {
    raise(SIGSTOP);
    _exit(0);
  }
  waitpid(pid, NULL, 0);
  return 0;
}

ATTACK(sleeper_that_ignores_signals) {
  sigset_t all;
  sigfillset(&all);
  for (int n = 1; n < 65; n++)
    signal(n, SIG_IGN);
  sigprocmask(SIG_BLOCK, &all, NULL);
  for (;;)
    sleep(100);
}

ATTACK(sleeper) {
  dprintf(1, "asleep\n");
  sleep(100);
  return 0;
}

/* Wakes often and works a little: it is never idle and never ends. */
ATTACK(ticker) {
  for (;;) {
    burn_ms(CLOCK_PROCESS_CPUTIME_ID, 2);
    usleep(10000);
  }
}

ATTACK(busy) {
  dprintf(1, "begun\n");
  spin();
  return 0;
}

ATTACK(busy_children) {
  for (int i = 0; i < 4; i++)
    if (fork() == 0)
      spin();
  while (wait(NULL) > 0) {
  }
  return 0;
}

ATTACK(busy_threads) {
  pthread_t thread;
  for (int i = 0; i < 4; i++)
    pthread_create(&thread, NULL, spin_thread, NULL);
  pause();
  return 0;
}

ATTACK(busy_orphans) {
  for (int i = 0; i < 4; i++)
    if (fork() == 0)
      become_daemon(), spin();
  while (wait(NULL) > 0) {
  }
  pause();
  return 0;
}

/* Many short-lived children in sequence: each is below the limit, but together they exceed it. */
ATTACK(relay) {
  for (;;) {
    int pid = fork();
    if (pid == 0) {
      burn_ms(CLOCK_PROCESS_CPUTIME_ID, 5);
      _exit(0);
    }
    waitpid(pid, NULL, 0);
  }
}

/* Uses only system time, which counts like user time. */
ATTACK(busy_kernel) {
  char buffer[65536];
  int zero = open("/dev/zero", O_RDONLY);
  for (;;)
    if (read(zero, buffer, sizeof buffer) < 0)
      return 1;
}
