/* Attacks on privileged system calls, and on system calls that no program needs. */
#include "kit.h"
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <linux/capability.h>
#include <linux/securebits.h>

#define SYS(name, ...) TRY(#name, syscall(SYS_##name, ##__VA_ARGS__))

ATTACK(mounting) {
  SYS(mount, "none", "/tmp", "tmpfs", 0, 0);
  SYS(mount, "/usr", "/tmp", 0, MS_BIND, 0);
  SYS(mount, "none", "/usr", 0, MS_REMOUNT | MS_BIND, 0);
  SYS(umount2, "/proc", MNT_DETACH);
  SYS(pivot_root, "/box", "/box");
  SYS(chroot, "/box");
  SYS(fsopen, "tmpfs", 0);
  SYS(fsconfig, 3, 0, 0, 0, 0);
  SYS(fsmount, 3, 0, 0);
  SYS(fspick, AT_FDCWD, "/", 0);
  SYS(open_tree, AT_FDCWD, "/", 1);
  SYS(move_mount, AT_FDCWD, "/usr", AT_FDCWD, "/tmp", 0);
  SYS(mount_setattr, AT_FDCWD, "/", 0, 0, 0);
  SYS(swapon, "/box/swap", 0);
  SYS(quotactl, 0, "/", 0, 0);
  return 0;
}

ATTACK(namespaces_by_unshare) {
  TRY("unshare user", unshare(CLONE_NEWUSER));
  TRY("unshare pid", unshare(CLONE_NEWPID));
  TRY("unshare mount", unshare(CLONE_NEWNS));
  TRY("unshare net", unshare(CLONE_NEWNET));
  TRY("unshare ipc", unshare(CLONE_NEWIPC));
  TRY("unshare uts", unshare(CLONE_NEWUTS));
  TRY("unshare cgroup", unshare(CLONE_NEWCGROUP));
  TRY("unshare time", unshare(0x80));
  TRY("unshare user and mount", unshare(CLONE_NEWUSER | CLONE_NEWNS));
  return 0;
}

static void clone_raw(const char *name, unsigned long flags) {
  errno = 0;
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  if (pid == 0)
    _exit(0);
  say(name, pid);
}
ATTACK(namespaces_by_clone) {
  clone_raw("clone user", CLONE_NEWUSER);
  clone_raw("clone pid", CLONE_NEWPID);
  clone_raw("clone mount", CLONE_NEWNS);
  clone_raw("clone net", CLONE_NEWNET);
  clone_raw("clone ipc", CLONE_NEWIPC);
  clone_raw("clone uts", CLONE_NEWUTS);
  clone_raw("clone cgroup", CLONE_NEWCGROUP);
  /* The kernel ignores the upper 32 bits of this argument. The filter must check the lower bits even if upper bits are
   * set. */
  clone_raw("clone user, upper bits set", CLONE_NEWUSER | 1UL << 40);
  /* An exit signal of 128 has the same bit as CLONE_NEWTIME in unshare and clone3. */
  clone_raw("clone with exit signal 128", 0x80);
  uint64_t args[11] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  SYS(clone3, args, sizeof args);
  args[0] = 0;
  SYS(clone3, args, sizeof args);
  return 0;
}

ATTACK(namespaces_by_setns) {
  static const char *const kinds[] = {"user", "pid", "mnt", "net", "ipc", "uts", "cgroup"};
  for (int i = 0; i < 7; i++) {
    char path[64];
    sprintf(path, "/proc/1/ns/%s", kinds[i]);
    int fd = open(path, O_RDONLY);
    say(path, fd);
    sprintf(path, "/proc/self/ns/%s", kinds[i]);
    fd = open(path, O_RDONLY);
    TRY("setns", setns(fd, 0));
  }
  TRY("setns to pid 1", syscall(SYS_setns, syscall(SYS_pidfd_open, 1, 0), CLONE_NEWPID));
  return 0;
}

ATTACK(tracing) {
  TRY("PTRACE_ATTACH 1", ptrace(PTRACE_ATTACH, 1, 0, 0));
  TRY("PTRACE_SEIZE 1", ptrace(PTRACE_SEIZE, 1, 0, 0));
  int told[2];
  char byte;
  if (pipe(told)) return 1;
  int child = fork();
  if (child == 0) {
    TRY("PTRACE_TRACEME", ptrace(PTRACE_TRACEME, 0, 0, 0));
    if (write(told[1], "", 1) != 1) return 1;
    pause();
  }
  if (read(told[0], &byte, 1) != 1) return 1;
  TRY("PTRACE_ATTACH child", ptrace(PTRACE_ATTACH, child, 0, 0));
  char buffer[16];
  struct iovec local = {buffer, 16}, remote = {(void *)buffer, 16};
  TRY("process_vm_readv 1", process_vm_readv(1, &local, 1, &remote, 1, 0));
  TRY("process_vm_readv child", process_vm_readv(child, &local, 1, &remote, 1, 0));
  TRY("process_vm_writev child", process_vm_writev(child, &local, 1, &remote, 1, 0));
  SYS(kcmp, 1, child, 0, 0, 0);
  SYS(pidfd_getfd, syscall(SYS_pidfd_open, child, 0), 0, 0);
  SYS(process_madvise, syscall(SYS_pidfd_open, child, 0), &remote, 1, MADV_COLD, 0);
  SYS(move_pages, 1, 0, 0, 0, 0, 0);
  SYS(migrate_pages, 1, 0, 0, 0);
  kill(child, SIGKILL);
  return 0;
}

ATTACK(keyrings) {
  SYS(keyctl, 0, -3, 1);
  SYS(add_key, "user", "name", "data", 4, -3);
  SYS(request_key, "user", "name", 0, -3);
  return 0;
}

/* Sets watches on files that the host and all lanes share. Such watches would reveal which files others open. */
ATTACK(watch_shared_files) {
  SYS(inotify_init);
  SYS(inotify_init1, 0);
  SYS(fanotify_init, 0, 0);
  int dir = open("/usr/bin", O_RDONLY | O_DIRECTORY), own = open("own", O_RDWR | O_CREAT, 0600);
  TRY("F_NOTIFY", fcntl(dir, F_NOTIFY, DN_ACCESS));
  TRY("F_SETLEASE", fcntl(own, F_SETLEASE, F_WRLCK));
  return 0;
}

ATTACK(kernel_programs) {
  union bpf_attr attr = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  SYS(bpf, BPF_MAP_CREATE, &attr, sizeof attr);
  struct perf_event_attr perf = {.type = PERF_TYPE_SOFTWARE, .size = sizeof perf};
  SYS(perf_event_open, &perf, 0, -1, -1, 0);
  SYS(userfaultfd, 1);
  char params[256] = {0};
  SYS(io_uring_setup, 8, params);
  SYS(io_uring_enter, 0, 0, 0, 0, 0, 0);
  SYS(io_uring_register, 0, 0, 0, 0);
  unsigned long context = 0;
  SYS(io_setup, 8, &context);
  SYS(init_module, 0, 0, "");
  SYS(finit_module, 0, "", 0);
  SYS(delete_module, "x", 0);
  SYS(kexec_load, 0, 0, 0, 0);
  SYS(seccomp, 1, 0, 0);
  SYS(landlock_create_ruleset, 0, 0, 1);
  SYS(vmsplice, 1, 0, 0, 0);
  SYS(fanotify_init, 0, 0);
  SYS(open_by_handle_at, AT_FDCWD, params, 0);
  SYS(name_to_handle_at, AT_FDCWD, "/", params, params, 0);
  SYS(modify_ldt, 0, 0, 0);
  SYS(iopl, 3);
  SYS(ioperm, 0x80, 1, 1);
  SYS(syslog, 3, params, 256);
  SYS(acct, 0);
  SYS(reboot, 0xfee1dead, 672274793, 0x1234567, 0);
  SYS(vhangup);
  TRY("system call 1000", syscall(1000));
  TRY("system call -1", syscall(-1));
  TRY("x32 getpid", syscall(0x40000000 | SYS_getpid));
  return 0;
}

/* The 32-bit system call interface has other numbers: 1 is exit, 11 is execve. */
ATTACK(int_0x80) {
  dprintf(1, "trying\n");
  long result = 20; /* getpid */
  __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
  dprintf(1, "it answered %ld\n", result);
  return 0;
}

ATTACK(clocks_and_names) {
  struct timespec t = {1000000000, 0};
  struct timeval v = {1000000000, 0};
  struct timex x = {.modes = ADJ_FREQUENCY};
  TRY("clock_settime", clock_settime(CLOCK_REALTIME, &t));
  SYS(settimeofday, &v, 0);
  SYS(adjtimex, &x);
  SYS(clock_adjtime, CLOCK_REALTIME, &x);
  TRY("sethostname", sethostname("mine", 4));
  TRY("setdomainname", setdomainname("mine", 4));
  char name[65];
  gethostname(name, 65);
  dprintf(1, "host name: %s\n", name);
  return 0;
}

ATTACK(identities) {
  uid_t r, e, s;
  getresuid(&r, &e, &s);
  dprintf(1, "uids: %d %d %d, groups: %d\n", r, e, s, getgroups(0, NULL));
  TRY("setuid 0", setuid(0));
  TRY("setresuid 0", setresuid(0, 0, 0));
  TRY("setgid 0", setgid(0));
  gid_t zero = 0;
  TRY("setgroups", setgroups(1, &zero));
  SYS(setfsuid, 0);
  TRY("open as fsuid 0", open("/proc/1/environ", O_RDONLY));
  TRY("chown to root", write_file("/box/f", "x") < 0 ? -2 : chown("/box/f", 0, 0));
  dprintf(1, "no new privileges: %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  dprintf(1, "filter mode: %d\n", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
  return 0;
}

ATTACK(capabilities) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0}};
  SYS(capget, &header, data);
  unsigned any = 0, bounding = 0;
  for (int i = 0; i < 2; i++)
    any |= data[i].effective | data[i].permitted | data[i].inheritable;
  for (int cap = 0; cap < 64; cap++)
    bounding += prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1;
  dprintf(1, "has: %u, bounding: %u\n", any, bounding);
  data[0].effective = data[0].permitted = data[0].inheritable = ~0u;
  SYS(capset, &header, data);
  data[0].effective = data[0].permitted = 0;
  data[0].inheritable = 1 << CAP_SYS_ADMIN;
  TRY("capset inheritable", syscall(SYS_capset, &header, data));
  TRY("ambient", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
  TRY("bounding drop", prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0));
  TRY("securebits", prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS, 0, 0, 0));
  TRY("clear no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
  TRY("PR_SET_MM", prctl(PR_SET_MM, PR_SET_MM_START_CODE, 4096, 0, 0));
  TRY("user xattr", syscall(SYS_setxattr, "/box", "user.x", "y", 1, 0));
  return 0;
}

/* Prints its user ids. */
ATTACK(who_am_i) {
  uid_t r, e, s;
  getresuid(&r, &e, &s);
  dprintf(1, "uids: %d %d %d\n", r, e, s);
  return 0;
}
/* argv[0]: a set-uid executable of the host's root, which runs `who_am_i`. */
ATTACK(set_uid_programs) {
  char *const who[] = {"x", "who_am_i", NULL}, *const none[] = {NULL};
  if (fork() == 0) {
    execve(argv[0], who, none);
    say("execve", -1);
    _exit(0);
  }
  wait(NULL);
  TRY("make one", write_file("/box/own", "#!/bin/sh\n") < 0 ? -2 : chmod("/box/own", 06755));
  struct stat st;
  stat("/box/own", &st);
  dprintf(1, "owner: %d\n", st.st_uid);
  int status = -1, pid = fork();
  if (pid == 0) {
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0), dup2(null, 1), dup2(null, 2);
    char *const su[] = {"su", "-c", "true", NULL};
    execve("/usr/bin/su", su, none);
    _exit(126);
  }
  waitpid(pid, &status, 0);
  dprintf(1, "su succeeded: %s\n", WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "yes" : "no");
  return 0;
}

ATTACK(personalities) {
  TRY("READ_IMPLIES_EXEC", personality(READ_IMPLIES_EXEC));
  TRY("MMAP_PAGE_ZERO", personality(MMAP_PAGE_ZERO));
  TRY("ADDR_NO_RANDOMIZE", personality(ADDR_NO_RANDOMIZE));
  TRY("map page zero", mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0);
  return 0;
}

ATTACK(scheduling) {
  struct sched_param p = {.sched_priority = 50};
  TRY("SCHED_FIFO", sched_setscheduler(0, SCHED_FIFO, &p));
  TRY("SCHED_RR", sched_setscheduler(0, SCHED_RR, &p));
  struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t prio; uint64_t run, dead, period; } deadline = {
      48, 6, 0, 0, 0, 5000000, 10000000, 10000000};
  TRY("SCHED_DEADLINE", syscall(SYS_sched_setattr, 0, &deadline, 0));
  TRY("nice -20", setpriority(PRIO_PROCESS, 0, -20));
  TRY("renice init", setpriority(PRIO_PROCESS, 1, 19));
  TRY("ionice", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
  cpu_set_t all;
  memset(&all, 0xff, sizeof all);
  TRY("all processors", sched_setaffinity(0, sizeof all, &all));
  sched_getaffinity(0, sizeof all, &all);
  dprintf(1, "processors: %d\n", CPU_COUNT(&all));
  TRY("affinity of init", sched_setaffinity(1, sizeof all, &all));
  return 0;
}

ATTACK(raise_limits) {
  static const struct { int which; const char *name; } limits[] = {
      {RLIMIT_CORE, "core"}, {RLIMIT_FSIZE, "file size"}, {RLIMIT_NOFILE, "open files"}, {RLIMIT_NPROC, "processes"},
      {RLIMIT_STACK, "stack"}, {RLIMIT_CPU, "cpu"}, {RLIMIT_MEMLOCK, "locked"}, {RLIMIT_MSGQUEUE, "queues"},
      {RLIMIT_NICE, "nice"}, {RLIMIT_RTPRIO, "real time"}, {RLIMIT_SIGPENDING, "signals"}};
  for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
    struct rlimit more, now;
    getrlimit(limits[i].which, &now);
    more.rlim_cur = more.rlim_max = now.rlim_max + 1;
    TRY(limits[i].name, setrlimit(limits[i].which, &more));
    if (now.rlim_cur == RLIM_INFINITY)
      dprintf(1, "%s is not limited\n", limits[i].name);
  }
  struct rlimit zero = {0, 0};
  TRY("prlimit 1", prlimit(1, RLIMIT_NOFILE, &zero, NULL));
  TRY("prlimit 1, read only", prlimit(1, RLIMIT_NOFILE, NULL, &zero));
  return 0;
}

/* Lowers limits. A program may limit only itself. */
ATTACK(lower_limits) {
  struct rlimit none = {0, 0};
  TRY("processes", setrlimit(RLIMIT_NPROC, &none));
  TRY("fork", fork());
  TRY("file size", setrlimit(RLIMIT_FSIZE, &none));
  signal(SIGXFSZ, SIG_IGN);
  int fd = open("/box/f", O_WRONLY | O_CREAT, 0644);
  TRY("write", write(fd, "x", 1));
  TRY("open files", setrlimit(RLIMIT_NOFILE, &none));
  TRY("open", open("/dev/null", O_RDONLY));
  TRY("stack", setrlimit(RLIMIT_STACK, &none));
  TRY("memory", setrlimit(RLIMIT_AS, &none));
  TRY("mmap", mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0);
  TRY("signals", setrlimit(RLIMIT_SIGPENDING, &none));
  return 11;
}

ATTACK(own_cpu_limit) {
  struct rlimit one = {1, 1};
  setrlimit(RLIMIT_CPU, &one);
  spin();
  return 0;
}

ATTACK(terminals) {
  char c = 'x';
  TRY("TIOCSTI", ioctl(0, 0x5412, &c));
  TRY("TIOCLINUX", ioctl(0, 0x541C, &c));
  TRY("TIOCSCTTY", ioctl(0, 0x540E, 1));
  TRY("TIOCSTI, upper bits set", syscall(SYS_ioctl, 0, 0x100005412UL, &c));
  TRY("/dev/tty", open("/dev/tty", O_RDWR));
  TRY("/dev/ptmx", open("/dev/ptmx", O_RDWR));
  TRY("/dev/console", open("/dev/console", O_RDWR));
  dprintf(1, "session leader: %s\n", getsid(0) == getpid() ? "yes" : "no");
  return 0;
}
