/* The run after an attack: an ordinary program that uses everything that an attack could have broken, and looks for
 * everything that an attack could have left behind. Prints `unharmed` and its own CPU time in ns. */
#include "kit.h"
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/utsname.h>

static void need(int ok, const char *what) {
  if (!ok) {
    dprintf(1, "harmed: %s (%s)\n", what, strerrorname_np(errno));
    _exit(1);
  }
}

static int entries(const char *path) {
  DIR *dir = opendir(path);
  if (!dir)
    return -1;
  int n = 0;
  for (struct dirent *e; (e = readdir(dir));)
    if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
      n++;
  closedir(dir);
  return n;
}

ATTACK(victim) {
  errno = 0;
  need(entries("/box") == 0, "/box is not empty");
  need(entries("/tmp") == 0, "/tmp is not empty");
  need(entries("/dev/shm") == 0, "/dev/shm is not empty");

  DIR *proc = opendir("/proc");
  need(proc != NULL, "/proc");
  for (struct dirent *e; (e = readdir(proc));) {
    int pid = atoi(e->d_name);
    need(pid == 0 || pid == 1 || pid == getpid(), "there are other processes");
  }
  closedir(proc);
  for (int pid = 2; pid < 300; pid++)
    need(pid == getpid() || (kill(pid, 0) == -1 && errno == ESRCH), "there are hidden processes");
  need(getppid() == 1 && getpid() < 10, "process ids do not start anew");

  struct utsname name;
  need(uname(&name) == 0 && strcmp(name.nodename, "cupel") == 0, "host name");

  struct shm_info shm;
  struct seminfo sem;
  struct msginfo msg;
  need(shmctl(0, SHM_INFO, (struct shmid_ds *)&shm) >= 0 && shm.used_ids == 0, "shared memory was left");
  need(semctl(0, 0, SEM_INFO, &sem) >= 0 && sem.semusz == 0, "semaphores were left");
  need(msgctl(0, MSG_INFO, (struct msqid_ds *)&msg) >= 0 && msg.msgpool == 0, "message queues were left");
  need(mq_open("/left", O_RDONLY) == -1 && (errno == ENOENT || errno == ENOSYS), "a POSIX message queue was left");
  struct sockaddr_un left = {.sun_family = AF_UNIX, .sun_path = "\0left"};
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  need(bind(s, (struct sockaddr *)&left, sizeof(sa_family_t) + 5) == 0, "an abstract socket was left");
  close(s);

  char input[8];
  need(read(0, input, sizeof input) == 4 && memcmp(input, "ping", 4) == 0, "standard input");
  need(read(0, input, sizeof input) == 0, "end of standard input");
  for (int fd = 3; fd < 1024; fd++)
    need(fcntl(fd, F_GETFD) == -1, "an open descriptor");
  sigset_t mask;
  sigprocmask(0, NULL, &mask);
  for (int n = 1; n < 32; n++) {
    struct sigaction action;
    need(sigismember(&mask, n) == 0, "a blocked signal");
    need(sigaction(n, NULL, &action) == -1 || action.sa_handler == SIG_DFL, "an ignored signal");
  }
  need(getpriority(PRIO_PROCESS, 0) == 0 && sched_getscheduler(0) == SCHED_OTHER, "priority");
  need(umask(022) == 022, "umask");

  errno = 0;
  int pid = fork();
  need(pid >= 0, "fork");
  if (pid == 0)
    _exit(42);
  int status;
  need(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 42, "wait");

  char *memory = malloc(16 * MIB);
  need(memory != NULL, "malloc");
  memset(memory, 1, 16 * MIB);
  for (int i = 0; i < 50; i++) {
    char path[32];
    sprintf(path, i % 2 ? "/box/f%d" : "/tmp/f%d", i);
    need(write_file(path, "some text\n") == 0, "write a file");
  }
  need(mkdir("/box/d", 0755) == 0, "make a directory");
  burn_ms(CLOCK_PROCESS_CPUTIME_ID, 10);
  dprintf(1, "unharmed %ld\n", cpu_ns(CLOCK_PROCESS_CPUTIME_ID));
  return 3;
}
